"""Makes AOTInductor's record tell which body of a branch or loop a kernel's nodes are in.

The record has nothing but their names, and those of bodies are the same as others of the graph around.
"""

from typing import Any

from profilers.captures.pytorch.bodies import IN_BODY, name_in_body, parted

VERSION = "twinscope: name nodes by the bodies that they are in, 1"


def body_path_pass() -> Any:
    """A pass over Inductor's finished graphs that calls a node of a body after both what it is and its
    path in the exported program: ``cond/0/linear``, bodies counted from 0."""
    from torch._inductor.custom_graph_pass import CustomGraphPass

    class NameByBody(CustomGraphPass):
        def __call__(self, graph: Any) -> None:
            _name_bodies(graph, "")

        def uuid(self) -> str:
            return VERSION

    return NameByBody()


def _name_bodies(graph: Any, prefix: str) -> None:
    """Bodies are passed before the graph around them, which knows more of the path."""
    for node in graph.find_nodes(op="get_attr"):
        body: Any = getattr(graph.owning_module, node.target, None)
        for owner in node.users if hasattr(body, "graph") else ():
            branch = _bodies_of(owner).index(node)
            inside = f"{prefix}{_exported(owner)}{IN_BODY}{branch}{IN_BODY}"
            _name_bodies(body.graph, inside)
            for each in body.graph.nodes:
                if each.op == "call_function":
                    each._rename(name_in_body(parted(each.name)[0], f"{inside}{_exported(each)}"))


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
