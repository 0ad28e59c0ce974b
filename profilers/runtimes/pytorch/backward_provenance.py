"""Makes Inductor tell what a backward's kernels were made of, as it tells of a forward's, and bodies'.

Its record leads from kernels over ``from_node`` of a graph's nodes to the graph that Dynamo traced, by
that graph's number. A backward has neither: its nodes only know the function that they differentiate,
and the number is gone by the time it is compiled. A node out of the body of an operator leads to that
body, which has a number of its own; `tell_bodies_apart` has named it. Of the nodes of branches and loops
the record has nothing but their names. What the record says is kept in the compile cache.
"""

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from profilers.captures.pytorch.bodies import IN_BODY, name_in_body, parted

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


def naming_pass(traced: Sequence[str]) -> Any:
    """A pass over Inductor's graphs that ties nodes out of bodies to what they were there.

    Those of a backward it ties to what they differentiate. Graphs whose nodes were traced by other names
    share no entry of the compile cache: the record in there would lead to names that these have not.
    """
    from torch._inductor import debug
    from torch._inductor.custom_graph_pass import CustomGraphPass

    digest = sha256(" ".join(traced).encode()).hexdigest()

    class NameDifferentiated(CustomGraphPass):
        def __call__(self, graph: Any) -> None:
            is_backward = any(
                node.name.startswith(_GRADIENT) for node in graph.find_nodes(op="placeholder")
            )
            if is_backward:
                _begin_record()
            for node in graph.nodes:
                if node.op != "call_function":
                    continue
                name = _name_of_random(node) if _is_random(node) else _name(node)
                if IN_BODY in name[1:] or (name and is_backward):
                    told = name if is_backward else name.lstrip(IN_BODY)
                    source = _source(told, debug._pre_grad_graph_id or _NO_GRAPH)
                    node.meta["from_node"] = [source]
                elif is_backward:
                    _name_as_product(node)

        def uuid(self) -> str:
            return f"twinscope: name what is differentiated or in a body, 7, of {digest}"

    return NameDifferentiated()


def body_naming_pass() -> Any:
    """A pass over Inductor's finished graphs that calls nodes of branches and loops after both what they
    are and what they were when they were traced."""
    from torch._inductor.custom_graph_pass import CustomGraphPass

    class NameInBodies(CustomGraphPass):
        def __call__(self, graph: Any) -> None:
            name_in_bodies(graph)

        def uuid(self) -> str:
            return "twinscope: name what is in branches and loops, 2"

    return NameInBodies()


def name_in_bodies(graph: Any) -> None:
    """As `body_naming_pass` does, of one graph."""
    for taken in graph.find_nodes(op="get_attr"):
        body: Any = getattr(graph.owning_module, taken.target, None)
        for node in body.graph.nodes if hasattr(body, "graph") else ():
            name = _name(node).lstrip(IN_BODY)
            if node.op == "call_function" and name and not parted(node.name)[1]:
                node._rename(name_in_body(node.name, name))


def _name(node: Any) -> str:
    """Of what was traced; "" if nothing is known of the node."""
    calls = node.meta.get("fwd_source_fn_stack") or node.meta.get("source_fn_stack")
    return str(calls[-1][0]) if calls else ""


def _is_random(node: Any) -> bool:
    """Whether it runs an operator that may draw numbers, so that it draws the same ones again."""
    return str(getattr(node.target, "__name__", "")).endswith("_rng_state")


def _name_of_random(node: Any) -> str:
    """Nothing is known of it but of the parts of its result."""
    waiting = list(node.users)
    while waiting:
        user = waiting.pop(0)
        if _name(user):
            return _name(user)
        waiting += list(user.users) if user.target is operator.getitem else []
    return ""


def _name_as_product(node: Any) -> None:
    """A sum of gradients is no function's own; with a product among them it becomes one operator."""
    import torch

    if node.target is torch.ops.aten.add.Tensor:
        for taken in node.all_input_nodes:
            if taken.target is torch.ops.aten.mm.default and len(taken.users) == 1:
                node.meta["from_node"] = list(taken.meta.get("from_node", ()))


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
