"""Leaves out of an export what nobody reads, which is a fourth of its time."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar
from unittest.mock import patch


def code_on_demand() -> AbstractContextManager[Any]:
    """While it lasts, graphs get their Python code when it is asked for, not with each change."""
    try:
        lazy: Any = import_module("torch.fx._lazy_graph_module")
        found: AbstractContextManager[Any] = lazy._use_lazy_graph_module(True)
    except (ImportError, AttributeError):  # another version of PyTorch
        return nullcontext()
    return found


@contextmanager
def to_be_looked_at() -> Iterator[None]:
    """While it lasts, an exported graph is good for being written down, not for being compiled.

    Its nodes are told where they were made by the model's own lines alone, without those of PyTorch
    around them, and have their sizes and dtypes once.
    """
    replaced = (
        ("torch.fx.proxy", "CapturedTraceback", _OwnFrames),
        ("torch.fx.experimental.proxy_tensor", "_extract_tensor_metadata", lambda value: None),
    )
    with ExitStack() as stack:
        for name, attribute, ours in replaced:
            module = import_module(name)
            if hasattr(module, attribute):  # not in every version of PyTorch
                stack.enter_context(patch.object(module, attribute, ours))
        stack.enter_context(_batch_norms_at_once())
        yield


@contextmanager
def _batch_norms_at_once() -> Iterator[None]:
    """While it lasts, results of batch norms have their sizes at once, not by all that they compute.

    That is an eighth of a ResNet-50's export.
    """
    import torch

    operator = torch.ops.aten._native_batch_norm_legit_no_training.default

    def sized(mode: Any, function: Any, x: Any, *others: Any) -> tuple[Any, Any, Any]:
        with mode:
            return torch.empty_like(x), x.new_empty((0,)), x.new_empty((0,))

    try:
        computed = import_module("torch._decomp").decomposition_table
        told = import_module("torch._subclasses.fake_impls").op_implementations_dict
    except (ImportError, AttributeError):  # another version of PyTorch
        yield
        return
    with patch.dict(computed), patch.dict(told, {operator: sized}):
        computed.pop(operator, None)
        yield


class _OwnFrames:
    """In place of PyTorch's own record of a call stack."""

    _is_kept: ClassVar[dict[str, bool]] = {}  # by file

    @staticmethod
    def extract() -> "_OwnFrames":
        return _OwnFrames()

    def summary(self) -> traceback.StackSummary:
        """Outermost first. Calls of `forward` stay: a graph tells what comes after the first of them."""
        found, known = [], self._is_kept
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            code = frame.f_code
            file = code.co_filename
            if file not in known:
                known[file] = not _is_of_pytorch(file)
            if known[file] or code.co_name == "forward":
                told = (file, frame.f_lineno, code.co_name)
                found.append(traceback.FrameSummary(*told, lookup_line=False, line=""))
            frame = frame.f_back
        return traceback.StackSummary(reversed(found))


def _is_of_pytorch(file: str) -> bool:
    import torch

    return Path(file).is_relative_to(Path(torch.__file__).parent)
