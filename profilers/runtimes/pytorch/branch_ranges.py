"""Ranges that tell which branch eager mode took: the operators in both may be the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from profilers.captures.pytorch.files import BRANCH_MARK, BRANCHES


@contextmanager
def branch_ranges(mark: Callable[[str], Any]) -> Iterator[None]:
    """While it lasts, each branch that torch.cond runs is a range; `mark` makes one of a name.

    Traces of a branch, of which a step of training makes more than it runs, have none.
    """
    import torch

    try:
        cond: Any = import_module("torch._higher_order_ops.cond").cond_op
        kernels: dict[Any, Any] = cond.py_kernels
        run = kernels[torch._C.DispatchKey.CompositeExplicitAutograd]
    except (ImportError, AttributeError, KeyError):  # another version of PyTorch
        yield
        return

    def inside_ranges(predicate: Any, *others: Any) -> Any:
        bodies, operands = others[: len(BRANCHES)], others[len(BRANCHES) :]
        ranged = [
            _ranged(body, f"{BRANCH_MARK}{branch}", mark)
            for body, branch in zip(bodies, BRANCHES, strict=True)
        ]
        return run(predicate, *ranged, *operands)

    key = torch._C.DispatchKey.CompositeExplicitAutograd
    try:
        with patch.dict(kernels, {key: inside_ranges}):
            cond._dispatch_cache.clear()
            yield
    finally:
        cond._dispatch_cache.clear()


def _ranged(body: Callable[..., Any], name: str, mark: Callable[[str], Any]) -> Any:
    def inside_range(*operands: Any) -> Any:
        with mark(name):
            return body(*operands)

    return inside_range
