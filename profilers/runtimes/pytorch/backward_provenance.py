"""Makes Inductor tell what a backward's kernels were made of, as it tells of a forward's.

Its record leads from kernels over ``from_node`` of a graph's nodes to the graph that Dynamo traced, by
that graph's number. A backward has neither: its nodes only know the function that they differentiate,
and the number is gone by the time it is compiled. What the record says is kept in the compile cache.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NO_GRAPH = -2  # as no graph is numbered: numbers are addresses, and -1 stands for none
_GRADIENT = "tangents_"  # how AOTAutograd calls the gradients that a backward begins with


@contextmanager
def backward_told() -> Iterator[None]:
    """Record backwards while it lasts, of what is compiled with `naming_pass`."""
    from torch._inductor import debug

    before = getattr(debug, "_pre_grad_graph_id", None)
    debug._pre_grad_graph_id = _NO_GRAPH
    try:
        yield
    finally:
        debug._pre_grad_graph_id = before
        _begin_record()


def naming_pass() -> Any:
    """A pass over Inductor's graphs that ties a backward's nodes to what they differentiate."""
    from torch._inductor import debug
    from torch._inductor.custom_graph_pass import CustomGraphPass

    class NameDifferentiated(CustomGraphPass):
        def __call__(self, graph: Any) -> None:
            if not any(
                node.name.startswith(_GRADIENT) for node in graph.find_nodes(op="placeholder")
            ):
                return
            _begin_record()
            for node in graph.nodes:
                calls = node.meta.get("fwd_source_fn_stack") or node.meta.get("source_fn_stack")
                if node.op == "call_function" and calls:
                    source = _source(str(calls[-1][0]), debug._pre_grad_graph_id or _NO_GRAPH)
                    node.meta["from_node"] = [source]

        def uuid(self) -> str:
            return "twinscope: name what is differentiated, 2"

    return NameDifferentiated()


def _begin_record() -> None:
    """Forget the kernels of the graph before: a backward that is compiled by itself adds to them."""
    from torch._inductor import debug

    debug._inductor_triton_kernel_to_post_grad_node_info = {}
    debug._inductor_kernel_stack_trace = {}
    debug.reset_inductor_kernel_provenance_debug_handle()


def _source(name: str, graph: int) -> Any:
    from torch.fx.traceback import NodeSource, NodeSourceAction

    source = NodeSource(None, "differentiated", NodeSourceAction.CREATE)
    source.node_info = NodeSource.NodeInfo(name, "", graph)
    return source
