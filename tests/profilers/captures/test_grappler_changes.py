"""What Grappler does on devices that are not here: layouts, and operators that it merges."""

from collections.abc import Iterable

from profilers.captures.tf.grappler_changes import changes_of
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, NodeKind, Origins, StringPool

LAYOUT = {"data_format": "NHWC"}


def graph_of(
    pool: StringPool,
    stage: str,
    nodes: Iterable[tuple[str, str, tuple[int, ...], dict[str, str]]],
) -> Graph:
    """An input x at row 0, then nodes as name, operator, what they read, and attributes."""
    builder = GraphBuilder(pool, stage)
    builder.node("x", "Placeholder", kind=NodeKind.INPUT)
    for name, operator, read, attributes in nodes:
        row = builder.node(name, operator, attributes=attributes)
        for source in read:
            builder.edge(source, row, f"t{source}", "float32", (1, 4, 4, 8))
    return builder.build()


def told(
    pool: StringPool, authored: Graph, optimised: Graph, origins: dict[int, int]
) -> set[object]:
    rows = Origins.from_rows(origins.items())
    dependent = set(range(len(authored.nodes)))
    breaks = changes_of(authored, optimised, rows, dependent, pool.table(), pool)
    strings = pool.table()
    return {
        (strings[kind], strings[reason], int(node))
        for kind, reason, node in zip(breaks.kind, breaks.reason, breaks.node, strict=True)
    }


def test_equal_operators_run_once() -> None:
    pool = StringPool()
    nodes = [("a", "Relu", (0,), {}), ("b", "Relu", (0,), {}), ("sum", "AddV2", (1, 2), {})]
    authored = graph_of(pool, "authored", nodes)
    optimised = graph_of(pool, "grappler", [nodes[0], ("sum", "AddV2", (1, 1), {})])
    found = told(pool, authored, optimised, {0: 0, 1: 1, 2: 3})
    assert found == {("merged", "a computes the same, and runs for both.", 2)}


def test_what_a_rewritten_operator_computes_too_is_merged_into_it() -> None:
    pool = StringPool()
    relu, first = ("relu", "Relu", (0,), {}), ("first", "AddV2", (0, 1), {})
    authored = graph_of(pool, "authored", [relu, first, ("last", "AddV2", (1, 2), {})])
    optimised = graph_of(pool, "grappler", [relu, ("last/leaf", "AddN", (0, 1, 1), {})])
    found = told(pool, authored, optimised, {0: 0, 1: 1, 2: 3})
    assert found == {("merged", "last, which was rewritten as AddN, computes it too.", 2)}


def test_another_layout_and_its_transposes_are_told() -> None:
    pool = StringPool()
    authored = graph_of(pool, "authored", [("conv", "Conv2D", (0,), LAYOUT)])
    transpose = "conv-0-TransposeNHWCToNCHW-LayoutOptimizer"
    optimised = graph_of(
        pool,
        "grappler",
        [(transpose, "Transpose", (0,), {}), ("conv", "Conv2D", (1,), {"data_format": "NCHW"})],
    )
    assert told(pool, authored, optimised, {0: 0, 1: 1, 2: 1}) == {
        ("layout changed", f"Grappler put a transpose here: {transpose}.", 1),
        ("layout changed", "It was written for NHWC and runs in NCHW.", 1),
    }
