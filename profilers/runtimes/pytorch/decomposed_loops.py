"""Keeps what is known of nodes in bodies of scan and map when Inductor makes loops of them.

It traces each body anew, into that of a while_loop, where nothing tells any more what a node was.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import SequenceMatcher
from importlib import import_module
from typing import Any
from unittest.mock import patch

DECOMPOSED = "twinscope_decomposed"  # key in the meta of a loop: its bodies are of one body
_DECOMPOSE = {"decompose_scan_to_while_loop": "scan", "decompose_map_to_while_loop": "map_impl"}
_KNOWN = ("from_node", "source_fn_stack", "fwd_source_fn_stack")


@contextmanager
def loops_followed(name_bodies: Callable[[Any], None]) -> Iterator[None]:
    """While it lasts, such loops know what they were, and `name_bodies` names what is in a graph's."""
    passes = import_module("torch._inductor.fx_passes.post_grad")
    with ExitStack() as stack:
        for name, operator in _DECOMPOSE.items():
            decompose = getattr(passes, name, None)  # not in every version of PyTorch
            if decompose is not None:
                followed = _followed(decompose, operator, name_bodies)
                stack.enter_context(patch.object(passes, name, followed))
        yield


def _followed(
    decompose: Callable[[Any], None], operator: str, name_bodies: Callable[[Any], None]
) -> Callable[[Any], None]:
    def decompose_and_name(module: Any) -> None:
        owners = _calls(module.graph, operator)
        known = [
            (dict(owner.meta), _calls(getattr(module, owner.args[0].target).graph))
            for owner in owners
        ]
        before = set(_calls(module.graph, "while_loop"))
        decompose(module)
        made = [loop for loop in _calls(module.graph, "while_loop") if loop not in before]
        for (meta, calls), loop in zip(known, made, strict=False):
            _take(meta, calls, loop)
        if owners:
            name_bodies(module.graph)

    return decompose_and_name


def _calls(graph: Any, operator: str = "") -> list[Any]:
    return [
        node
        for node in graph.nodes
        if node.op == "call_function" and operator in ("", getattr(node.target, "__name__", ""))
    ]


def _take(meta: dict[str, Any], calls: Sequence[Any], loop: Any) -> None:
    """Hand on what was known of an operator and of the calls in its body."""
    _know(loop, meta)
    loop.meta[DECOMPOSED] = True
    for taken in loop.args[:2]:
        traced = _calls(getattr(loop.graph.owning_module, taken.target).graph)
        for node in traced:
            _know(node, {})
        targets = ([call.target for call in calls], [node.target for node in traced])
        for at, to, length in SequenceMatcher(None, *targets, autojunk=False).get_matching_blocks():
            for call, node in zip(calls[at : at + length], traced[to : to + length], strict=True):
                _know(node, call.meta)


def _know(node: Any, meta: dict[str, Any]) -> None:
    for key in _KNOWN:
        node.meta.pop(key, None)
        if key in meta:
            node.meta[key] = meta[key]
