"""Graphs for tests and benchmarks of the graph view, made by hand."""

from profilers.graphs.builder import GraphBuilder
from profilers.profile import NodeKind, Profile, StringPool

_SHAPE = (1, 128, 256)


def encoder_profile(layers: int) -> Profile:
    """A transformer encoder: 16 nodes in nested scopes per layer, a mask that all layers read."""
    pool = StringPool()
    graph = GraphBuilder(pool)

    def add(operator: str, path: str, *sources: int) -> int:
        scope = graph.scope([(part, _class_of(part)) for part in path.split("/")])
        node = graph.node(f"{path}/{operator}", f"aten.{operator}", scope=scope, flops=1000)
        for source in sources:
            graph.edge(source, node, f"t{source}", "float32", _SHAPE)
        return node

    tokens = graph.node("tokens", "input", kind=NodeKind.INPUT)
    mask = graph.node("mask", "input", kind=NodeKind.INPUT)
    state = add("embedding", "embed", tokens)
    for layer in range(layers):
        path = f"encoder/layers/{layer}"
        query, key, value = (add("linear", f"{path}/attn/{part}", state) for part in "qkv")
        scores = add("matmul", f"{path}/attn", query, add("transpose", f"{path}/attn", key))
        weights = add("softmax", f"{path}/attn", add("add", f"{path}/attn", scores, mask))
        mixed = add("matmul", f"{path}/attn", weights, value)
        added = add("add", path, state, add("linear", f"{path}/attn/out", mixed))
        state = add("layer_norm", f"{path}/norm1", added)
        wide = add("gelu", f"{path}/ff/act", add("linear", f"{path}/ff/up", state))
        added = add("add", path, state, add("linear", f"{path}/ff/down", wide))
        state = add("layer_norm", f"{path}/norm2", added)
    output = graph.node("output", "output", kind=NodeKind.OUTPUT)
    graph.edge(state, output, "y", "float32", _SHAPE)
    return Profile("encoder", graphs=(graph.build(),), strings=pool.table())


def _class_of(part: str) -> str:
    return "EncoderLayer" if part.isdigit() else part.title()


def chain_profile(length: int) -> Profile:
    """One long chain without any scope; every third node reads a constant, every seventh skips."""
    pool = StringPool()
    graph = GraphBuilder(pool)
    chain = [graph.node("x", "input", kind=NodeKind.INPUT)]
    for number in range(length):
        node = graph.node(f"n{number}", ("Conv", "BatchNorm", "Relu")[number % 3])
        graph.edge(chain[-1], node, f"t{number}", "float32", _SHAPE)
        if number % 7 == 0 and number > 9:
            graph.edge(chain[-9], node, f"s{number}", "float32", _SHAPE)
        if number % 3 == 0:
            constant = graph.node(f"c{number}", "Const", kind=NodeKind.CONSTANT)
            graph.edge(constant, node, f"c{number}", "float32", (3,))
        chain.append(node)
    return Profile("chain", graphs=(graph.build(),), strings=pool.table())


def control_profile() -> Profile:
    """A condition whose two branches read the input from outside."""
    pool = StringPool()
    graph = GraphBuilder(pool)
    source = graph.node("x", "input", kind=NodeKind.INPUT)
    test = graph.node("test", "aten.gt")
    graph.edge(source, test, "x", "float32", _SHAPE)
    owner = graph.node("branch", "higher_order.cond", kind=NodeKind.CONTROL)
    graph.edge(test, owner, "test", "bool", ())
    for name in ("then", "else"):
        body = graph.subgraph(name, owner)
        first = graph.node(f"{name}_mul", "aten.mul", subgraph=body)
        graph.edge(source, first, "x", "float32", _SHAPE)
        second = graph.node(f"{name}_relu", "aten.relu", subgraph=body)
        graph.edge(first, second, "m", "float32", _SHAPE)
    output = graph.node("y", "output", kind=NodeKind.OUTPUT)
    graph.edge(owner, output, "y", "float32", _SHAPE)
    return Profile("control", graphs=(graph.build(),), strings=pool.table())
