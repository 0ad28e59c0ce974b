"""What lies in what, edges between folded boxes, and repeated blocks."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, NodeKind, StringPool
from tests.views.graph_samples import control_profile, encoder_profile
from views.graph.structure.hierarchy import Hierarchy
from views.graph.structure.tree import ROOT


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to 25 nodes in nested scopes and bodies, with edges in any direction."""
    builder = GraphBuilder(StringPool())
    paths = st.lists(st.sampled_from("abc"), max_size=4)
    count = draw(st.integers(1, 25))
    bodies = [-1]
    for number in range(count):
        body = draw(st.sampled_from(bodies))
        path = [(part, draw(st.sampled_from(["", "Block"]))) for part in draw(paths)]
        kind = draw(st.sampled_from([NodeKind.OPERATOR, NodeKind.CONTROL]))
        node = builder.node(
            f"n{number}", "op", kind=kind, scope=builder.scope(path, body), subgraph=body
        )
        if kind == NodeKind.CONTROL:
            bodies.append(builder.subgraph("body", node))
    for source, target in draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40)
    ):
        builder.edge(source, target, "t", "float32", (2, 3))
    return builder.build()


def around(hierarchy: Hierarchy, item: int) -> list[int]:
    return [item, *hierarchy.ancestors(item)]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_everything_inside_an_item_is_what_climbs_to_it(graph: Graph) -> None:
    hierarchy = Hierarchy(graph)
    tree = hierarchy.tree
    shown = np.flatnonzero(tree.depth >= 0).tolist()
    assert set(range(hierarchy.node_count)) <= set(shown)
    values = np.arange(tree.count, dtype=np.int64) * 3 % 17
    sums, lowest = tree.sums(values), tree.lowest(values)
    for item in shown:
        inside = [each for each in shown if item in around(hierarchy, each)]
        assert sorted(tree.inside(item).tolist()) == inside
        assert tree.holds(item, np.array(shown, np.int32)).tolist() == [
            each in inside for each in shown
        ]
        assert int(sums[item]) == int(values[inside].sum())
        assert int(lowest[item]) == int(values[inside].min())
        assert tree.depth[item] == len(hierarchy.ancestors(item))
        children = tree.children(item).tolist()
        assert [int(tree.place[each]) for each in children] == list(range(len(children)))
        assert hierarchy.scope_row(item) < 0 or len(children) != 1


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_edge_is_seen_at_each_border_that_it_crosses(graph: Graph) -> None:
    hierarchy = Hierarchy(graph)
    expected: Counter[tuple[int, int, int]] = Counter()
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        if source == target:
            continue
        outer_source = [*around(hierarchy, source)[1:], ROOT]
        outer_target = [*around(hierarchy, target)[1:], ROOT]
        own = around(hierarchy, source)
        other = around(hierarchy, target)
        shared = next(each for each in outer_source if each in outer_target)
        if source in outer_target:
            shared = source
        elif target in outer_source:
            shared = target
        up = own[: own.index(shared)] if shared in own else own
        down = other[: other.index(shared)] if shared in other else other
        for child, container in pairwise(up):
            expected[container, child, ROOT] += 1
        for child, container in pairwise(down):
            expected[container, ROOT, child] += 1
        if up and down:
            expected[shared, up[-1], down[-1]] += 1
        elif down:  # from an owner into its own body
            expected[shared, ROOT, down[-1]] += 1
        elif up:
            expected[shared, up[-1], ROOT] += 1
    found: Counter[tuple[int, int, int]] = Counter()
    for container in (ROOT, *hierarchy.tree.containers.tolist()):
        ties = hierarchy.edges.of(container)
        for source, target, weight in zip(
            ties.source.tolist(), ties.target.tolist(), ties.weight.tolist(), strict=True
        ):
            found[container, source, target] += weight
            rows = hierarchy.edges_between(source, target, container)
            assert len(rows) >= weight
    assert found == expected


def test_equal_layers_are_repeats_whatever_they_are_called() -> None:
    hierarchy = Hierarchy(encoder_profile(12).authored)
    (stack,) = [item for item in hierarchy.tree.children(ROOT).tolist() if hierarchy.repeats[item]]
    assert hierarchy.repeats[stack] == 12
    assert hierarchy.tree.child_count(stack) == 12


def layered_graph(widths: list[int]) -> Graph:
    """Layers of two nodes at the top of the graph, between an input and an output."""
    graph = GraphBuilder(StringPool())
    last, size = graph.node("x", "input", kind=NodeKind.INPUT), widths[0]
    for number, width in enumerate(widths):
        scope = graph.scope([(f"layer_{number}", "Layer")])
        for operator in ("linear", "relu"):
            node = graph.node(f"{operator}_{number}", operator, scope=scope)
            graph.edge(last, node, f"t{node}", "float32", (1, size))
            last, size = node, width
    output = graph.node("y", "output", kind=NodeKind.OUTPUT)
    graph.edge(last, output, "y", "float32", (1, widths[-1]))
    return graph.build()


def test_repeats_among_others_lie_in_a_run_of_their_own() -> None:
    hierarchy = Hierarchy(layered_graph([8, 8, 8, 8, 16, 32, 32, 32]))
    assert hierarchy.repeats[hierarchy.first_run :].tolist() == [4, 3]
    assert hierarchy.tree.child_count(ROOT) == 5  # x, four, one, three, y
    first = hierarchy.tree.children(hierarchy.first_run).tolist()
    assert [hierarchy.graph.scopes.kind[hierarchy.scope_row(item)] for item in first] == [
        hierarchy.graph.scopes.kind[0]
    ] * 4


def test_two_equal_blocks_are_no_run() -> None:
    hierarchy = Hierarchy(layered_graph([8, 8, 16, 16]))
    assert not hierarchy.repeats.any()


def test_what_is_unfolded_at_first_can_be_taken_in_at_a_glance() -> None:
    for layers in (2, 12, 200):
        hierarchy = Hierarchy(encoder_profile(layers).authored)
        opened = hierarchy.first_opened()
        shown = sum(hierarchy.tree.child_count(item) for item in (ROOT, *opened)) - len(opened)
        assert shown <= 40


def test_bodies_lie_in_their_owner() -> None:
    graph = control_profile().authored
    hierarchy = Hierarchy(graph)
    owner = int(graph.subgraphs.owner[0])
    assert hierarchy.tree.child_count(owner) == 2
    assert owner in hierarchy.first_opened()


def test_a_thousand_scopes_within_each_other() -> None:
    graph = GraphBuilder(StringPool())
    path: list[tuple[str, str]] = []
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    for depth in range(1000):
        path.append((f"s{depth}", "Deep"))
        node = graph.node(f"n{depth}", "op", scope=graph.scope(path))
        graph.edge(last, node, f"t{depth}")
        last = node
    hierarchy = Hierarchy(graph.build())
    assert int(hierarchy.tree.depth.max()) == 999  # the innermost scope holds one node alone
    assert hierarchy.node_counts[hierarchy.tree.children(ROOT)].max() == 1000


def test_a_module_that_is_called_thrice_stands_at_three_places() -> None:
    """As a ResNet's shared ReLU; a shared block of two nodes stays a block at each place."""
    graph = GraphBuilder(StringPool())
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    for number in range(3):
        for path, operators in (
            ((f"conv{number}",), ("conv2d",)),
            (("relu",), ("relu",)),
            (("shared", "inner"), ("linear", "gelu")),
        ):
            scope = graph.scope([(part, "Module") for part in path])
            for operator in operators:
                node = graph.node(f"{operator}_{number}", operator, scope=scope)
                graph.edge(last, node, f"t{node}", "float32", (1, 8))
                last = node
    hierarchy = Hierarchy(graph.build())
    shown = hierarchy.tree.children(ROOT).tolist()
    names = [
        int(hierarchy.graph.scopes.name[hierarchy.scope_row(item)]) for item in shown if item >= 13
    ]
    assert len(shown) == 1 + 3 * 3  # x, then convolution, ReLU and block three times
    assert len(names) == 3
    assert len(set(names)) == 1
    for container in (ROOT, *hierarchy.tree.containers.tolist()):
        ties = hierarchy.edges.of(container)
        inner = (ties.source != ROOT) & (ties.target != ROOT)
        place = hierarchy.tree.place
        assert (place[ties.source[inner]] < place[ties.target[inner]]).all()


@pytest.mark.parametrize(("layers", "is_opened"), [(180, True), (2000, False)])
def test_a_box_around_the_whole_model_is_unfolded_at_first(layers: int, is_opened: bool) -> None:
    graph = GraphBuilder(StringPool())
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    for layer in range(layers):
        kind = ("Conv2D", "ReLU", "Add")[layer % 7 % 3]
        scope = graph.scope([("resnet", "Functional"), (f"layer{layer}", f"{kind}{layer}")])
        for part in range(2):
            node = graph.node(f"{layer}/{part}", f"op{layer % 11}", scope=scope)
            graph.edge(last, node, f"t{layer}.{part}", "float32", (1, layer + 1))
            last = node
    hierarchy = Hierarchy(graph.build())
    model = next(item for item in hierarchy.tree.children(ROOT) if hierarchy.scope_row(item) >= 0)
    assert (model in hierarchy.first_opened()) == is_opened
