"""Makes AOTInductor's record tell which body of a branch or loop a kernel's nodes are in.

The record has nothing but their names, and those of bodies are the same as others of the graph around.
"""

from typing import Any

from profilers.captures.pytorch.bodies import IN_BODY, name_in_body, parted
from profilers.runtimes.pytorch.decomposed_loops import DECOMPOSED

VERSION = "twinscope: name nodes by the bodies that they are in, 2"


def body_path_pass() -> Any:
    """A pass over Inductor's finished graphs that calls a node of a body after both what it is and its
    path in the exported program: ``cond/0/linear``, bodies counted from 0."""
    from torch._inductor.custom_graph_pass import CustomGraphPass

    class NameByBody(CustomGraphPass):
        def __call__(self, graph: Any) -> None:
            name_bodies(graph)

        def uuid(self) -> str:
            return VERSION

    return NameByBody()


def name_bodies(graph: Any, prefix: str = "") -> None:
    """Bodies are passed before the graph around them, which knows more of the path.

    What only goes around in a loop that was a scan or map has no name there but that of its body.
    """
    for node in graph.find_nodes(op="get_attr"):
        body: Any = getattr(graph.owning_module, node.target, None)
        for owner in node.users if hasattr(body, "graph") else ():
            is_made = DECOMPOSED in owner.meta
            branch = 0 if is_made else _bodies_of(owner).index(node)
            inside = f"{prefix}{_exported(owner)}{IN_BODY}{branch}{IN_BODY}"
            name_bodies(body.graph, inside)
            for each in body.graph.nodes:
                if each.op == "call_function":
                    own = "" if is_made and not each.meta.get("from_node") else _exported(each)
                    each._rename(name_in_body(parted(each.name)[0], f"{inside}{own}"))


def _bodies_of(owner: Any) -> list[Any]:
    module = owner.graph.owning_module
    return [
        taken
        for taken in owner.all_input_nodes
        if taken.op == "get_attr" and hasattr(getattr(module, taken.target, None), "graph")
    ]


def _exported(node: Any) -> str:
    """What a node was called in the exported program, as far as it is known."""
    name, sources = parted(node.name)[0], node.meta.get("from_node")
    while sources:
        name, sources = sources[-1].name, sources[-1].from_node
    return str(name)
