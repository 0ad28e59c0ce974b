"""Boxes, levels and lines of the graph view, without a window."""

from itertools import combinations, pairwise

import pytest

from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, NodeKind, StringPool
from tests.views.graph_samples import chain_profile, control_profile, encoder_profile
from views.graph.hierarchy import ROOT, Hierarchy, lifted_edges
from views.graph.layout import Layout, layered
from views.graph.placing import Block
from views.graph.scene import Box, Scene, SceneBuilder

BOX = Block(100.0, 36.0, 50.0, 50.0)
CLOSE = 0.6


def scene_of(graph: Graph, opened: frozenset[int] | None = None) -> Scene:
    hierarchy = Hierarchy(graph)
    if opened is None:
        opened = frozenset(item for item in hierarchy.children if item != ROOT)
    return SceneBuilder(hierarchy, lambda item: (100.0, 36.0)).build(opened)


def overlap(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def middle(layout: Layout, box: int) -> float:
    return layout.corners[box][0] + BOX.width / 2


@pytest.mark.parametrize(
    "graph",
    [encoder_profile(2).authored, chain_profile(60).authored, control_profile().authored],
    ids=["encoder", "chain", "control"],
)
def test_boxes_lie_in_their_containers_and_never_on_each_other(graph: Graph) -> None:
    hierarchy = Hierarchy(graph)
    scene = scene_of(graph)
    assert {box.item for box in scene.boxes} >= set(range(len(graph.nodes)))
    boxes = scene.box_of()
    for a, b in combinations(scene.boxes, 2):
        if hierarchy.parent[a.item] == hierarchy.parent[b.item]:
            assert not overlap(a, b)
    for box in scene.boxes:
        around = boxes.get(int(hierarchy.parent[box.item]))
        if around is not None:
            assert around.x <= box.x
            assert around.y <= box.y
            assert box.x + box.width <= around.x + around.width
            assert box.y + box.height <= around.y + around.height


def test_lines_run_between_rows_and_cross_no_box() -> None:
    scene = scene_of(encoder_profile(2).authored)
    closed = [box for box in scene.boxes if not box.is_open]
    assert len(scene.lines) > 30
    for line in scene.lines:
        for (x0, y0), (x1, y1) in pairwise(line.points):
            for box in closed:
                beside = max(x0, x1) <= box.x + 1 or min(x0, x1) >= box.x + box.width - 1
                apart = max(y0, y1) <= box.y + 1 or min(y0, y1) >= box.y + box.height - 1
                assert beside or apart


def test_edges_go_down_and_against_the_flow_they_go_up() -> None:
    layout = layered([BOX] * 3, [(0, 1), (1, 2), (2, 0)])
    tops = [corner[1] for corner in layout.corners]
    assert tops == sorted(tops)
    assert layout.routes[0, 1][0][1] < layout.routes[0, 1][-1][1]
    assert layout.routes[2, 0][0][1] > layout.routes[2, 0][-1][1]


def test_a_deep_chain_is_a_straight_column_beside_its_skips() -> None:
    edges = [(at, at + 1) for at in range(99)] + [(at, at + 9) for at in range(0, 90, 7)]
    layout = layered([BOX] * 100, edges)
    assert len({round(middle(layout, box), 3) for box in range(100)}) == 1
    assert layout.width < 4 * BOX.width


def test_a_tensor_that_all_read_is_one_line_and_not_one_each() -> None:
    edges = [(at, at + 1) for at in range(50)] + [(0, at) for at in range(2, 51)]
    layout = layered([BOX] * 51, edges)
    assert layout.width < 2 * BOX.width
    assert max(len(points) for points in layout.routes.values()) <= 6


def test_side_inputs_lie_beside_what_reads_them() -> None:
    chain = [(at, at + 1) for at in range(2, 11)]
    layout = layered([BOX] * 12, [(0, 1), (1, 11), *chain], heads=[2])
    assert layout.corners[1][1] == layout.corners[10][1]
    assert layout.corners[0][1] == layout.corners[9][1]


def test_the_way_of_the_data_is_straight_although_a_weight_has_a_longer_one() -> None:
    layout = layered([BOX] * 6, [(0, 4), (1, 2), (2, 3), (3, 4), (4, 5)], heads=[0])
    line = middle(layout, 0)
    assert [middle(layout, 4), middle(layout, 5)] == pytest.approx([line, line], abs=0.01)
    assert layout.corners[0][1] == 0.0
    assert {round(x) for x, _ in layout.routes[0, 4]} == {round(line)}


def test_boxes_without_edges_are_laid_out_too() -> None:
    layout = layered([BOX] * 200, [])
    assert len(set(layout.corners)) == 200
    assert layout.width < 30 * BOX.width
    assert layered([], []).width == 0.0


def test_too_many_long_edges_are_drawn_straight_in_bounded_time() -> None:
    count = 1200
    edges = [(at, at + 1) for at in range(count - 1)]
    edges += [(at, count - 1) for at in range(count - 2)]
    layout = layered([BOX] * count, edges)
    assert len(layout.routes) == len(edges)
    assert layout.width < 1000 * BOX.width


def test_scopes_of_one_node_are_left_out_and_repeated_layers_open_together() -> None:
    profile = encoder_profile(3)
    hierarchy = Hierarchy(profile.authored)
    for item, inside in hierarchy.children.items():
        assert hierarchy.scope_row(item) < 0 or len(inside) > 1
    opened = hierarchy.first_opened()
    names = [profile.strings[row] for row in profile.authored.scopes.name.tolist()]
    layers = {
        item
        for item in hierarchy.children
        if hierarchy.scope_row(item) >= 0 and names[hierarchy.scope_row(item)].isdigit()
    }
    assert len(layers) == 3
    assert layers <= opened or not layers & opened
    assert len(scene_of(profile.authored, opened).boxes) <= 50


def test_a_folded_box_takes_all_edges_of_the_nodes_that_it_hides() -> None:
    graph = encoder_profile(2).authored
    hierarchy = Hierarchy(graph)
    lifted = lifted_edges(hierarchy, hierarchy.representatives(frozenset()))
    assert set(lifted) == {ROOT}
    (stack,) = [item for item in hierarchy.children[ROOT] if hierarchy.scope_row(item) >= 0]
    inside = set(hierarchy.nodes_in(stack))
    crossing = {
        row
        for row, ends in enumerate(zip(graph.edges.source, graph.edges.target, strict=True))
        if len(inside & {int(end) for end in ends}) == 1
    }
    drawn = {row for ends, rows in lifted[ROOT].items() for row in rows if stack in ends}
    assert drawn == crossing


def test_an_edge_into_an_open_box_goes_on_inside_where_it_arrived() -> None:
    graph = encoder_profile(1).authored
    hierarchy = Hierarchy(graph)
    scene = scene_of(graph)
    boxes = scene.box_of()
    entering = [line for line in scene.lines if line.source == ROOT]
    assert entering
    for line in entering:
        around = int(hierarchy.parent[line.target])
        arrivals = [outer for outer in scene.lines if outer.target == around]
        assert any(abs(outer.points[-1][0] - line.points[0][0]) < CLOSE for outer in arrivals)
        assert boxes[around].y < line.points[0][1]
    leaving = [line for line in scene.lines if line.target == ROOT]
    for line in leaving:
        around = boxes[int(hierarchy.parent[line.source])]
        assert line.points[-1][1] == pytest.approx(around.y + around.height)


def test_bodies_of_control_flow_lie_in_the_node_that_owns_them() -> None:
    graph = control_profile().authored
    hierarchy = Hierarchy(graph)
    (owner,) = [row for row, kind in enumerate(graph.nodes.kind) if kind == NodeKind.CONTROL]
    assert hierarchy.is_container(owner)
    assert len(hierarchy.children[owner]) == 2
    assert owner in hierarchy.first_opened()
    assert set(hierarchy.nodes_in(owner)) == {owner, 3, 4, 5, 6}
    folded = scene_of(graph, frozenset())
    assert {box.item for box in folded.boxes} == {0, 1, owner, 7}
    assert any((line.source, line.target) == (0, owner) for line in folded.lines)


def test_scopes_nested_a_thousand_deep_and_edges_in_a_circle_are_drawn() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    deep = graph.scope([(f"s{level}", "") for level in range(1000)])
    nodes = [graph.node(f"n{at}", "Op", scope=deep if at else -1) for at in range(4)]
    for source, target in ((0, 1), (1, 2), (2, 1), (2, 3), (3, 0)):
        graph.edge(nodes[source], nodes[target], "", "float32", ())
    scene = scene_of(graph.build())
    assert {box.item for box in scene.boxes if not box.is_open} == set(nodes)


def test_only_what_is_in_sight_is_drawn() -> None:
    scene = scene_of(chain_profile(300).authored)
    some = scene.boxes_in(0.0, 0.0, scene.width, 400.0)
    assert 0 < len(some) < 20
    assert all(box.y <= 400.0 for box in some)
    assert len(scene.boxes_in(0.0, 0.0, scene.width, scene.height)) == len(scene.boxes)
    assert 0 < len(scene.lines_in(0.0, 0.0, scene.width, 400.0)) < 40


def test_boxes_are_sorted_by_their_edges_and_not_by_their_numbers() -> None:
    layout = layered([BOX] * 4, [(3, 0), (2, 0), (0, 1)])
    tops = [corner[1] for corner in layout.corners]
    assert tops[2] == tops[3] < tops[0] < tops[1]
