"""Names of what runs in branches and loops: the compiler compiles their bodies as graphs of their own.

There a node is called like another one of the graph around it. So what the compiler makes of a node of
a body is called after both, in a name that Python takes.
"""

IN_BODY = "/"  # parts the name of a body from that of a node; no name has it
OWN_BODIES = frozenset({"cond", "while_loop", "map_impl", "scan", "invoke_subgraph"})
_OF, _IN = "__of__", "__in__"


def name_in_body(compiled: str, traced: str) -> str:
    """``addmm`` made of ``cond_true_0/linear`` is ``addmm__of__cond_true_0__in__linear``."""
    return f"{compiled}{_OF}{traced.replace(IN_BODY, _IN)}"


def parted(name: str) -> tuple[str, str]:
    """The name that the compiler gave, and what was traced: "" for what is in no body."""
    compiled, _, traced = name.partition(_OF)
    return compiled, traced.replace(_IN, IN_BODY)
