"""Where boxes and edges of one container lie, whatever the graph."""

from dataclasses import fields
from itertools import combinations, pairwise
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from profilers import compiled
from views.graph.layering import ROW_GAP, Layout, layered

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Given = tuple[Float64, Int64, Int64]

CLOSE = 1e-6


def boxes_of(count: int, width: float = 100.0, height: float = 36.0) -> Float64:
    return np.tile([width, height, width / 2, width / 2], (count, 1))


def laid_out(count: int, edges: list[tuple[int, int]], heads: tuple[int, ...] = ()) -> Layout:
    return layered(
        boxes_of(count),
        np.array(edges, np.int64).reshape(-1, 2),
        np.array(heads, np.int64),
    )


def middles(layout: Layout) -> Float64:
    return layout.corners[:, 0] + 50.0


@st.composite
def graphs(draw: st.DrawFn, acyclic: bool = False) -> Given:
    count = draw(st.integers(1, 30))
    box = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(box, box), max_size=70))
    if acyclic:
        edges = [(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]]
    seed = draw(st.integers(0, 1000))
    random = np.random.default_rng(seed)
    width, height = random.integers(4, 260, count), random.integers(0, 90, count)
    blocks = [width, height, *(width * random.random((2, count)))]
    heads = draw(st.lists(box, max_size=3))
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    return np.column_stack(blocks).astype(np.float64), pairs, np.array(heads, np.int64)


def passes_through(begin: Float64, end: Float64, box: Float64) -> bool:
    """Whether a line has a part within a box of left, top, right and bottom (Liang and Barsky)."""
    enters, leaves = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] - begin[axis]
        low, high = box[axis] + CLOSE, box[axis + 2] - CLOSE
        if abs(step) < CLOSE:
            if not low < begin[axis] < high:
                return False
            continue
        near, far = sorted(((low - begin[axis]) / step, (high - begin[axis]) / step))
        enters, leaves = max(enters, near), min(leaves, far)
    return enters < leaves


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_two_boxes_overlap_and_all_lie_inside(graph: Given) -> None:
    blocks, _, _ = graph
    layout = layered(*graph)
    ends = layout.corners + blocks[:, :2]
    for one, other in combinations(range(len(blocks)), 2):
        apart = (ends[one] <= layout.corners[other] + CLOSE) | (
            ends[other] <= layout.corners[one] + CLOSE
        )
        assert apart.any()
    for points in (layout.corners, layout.trunk_points, layout.tail_points):
        assert (points >= -CLOSE).all()
    for points in (ends, layout.trunk_points, layout.tail_points):
        assert (points <= np.array([layout.width, layout.height]) + CLOSE).all()


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_edges_run_through_no_foreign_box(graph: Given) -> None:
    blocks, edges, _ = graph
    layout = layered(*graph)
    bounds = np.hstack([layout.corners, layout.corners + blocks[:, :2]])
    for edge, ends in enumerate(edges.tolist()):
        for begin, end in pairwise(layout.route(edge)):
            for box in set(range(len(blocks))) - set(ends):
                assert not passes_through(begin, end, bounds[box])


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_edges_leave_at_the_bottom_and_enter_on_top(graph: Given) -> None:
    blocks, edges, _ = graph
    layout = layered(*graph)
    bottom = layout.corners + np.column_stack([blocks[:, 3], blocks[:, 1]])
    top = layout.corners + np.column_stack([blocks[:, 2], np.zeros(len(blocks))])
    for edge, (source, target) in enumerate(edges.tolist()):
        route = layout.route(edge)
        from_, to = (top, bottom) if layout.is_reversed[edge] else (bottom, top)
        assert route[0] == pytest.approx(from_[source])
        assert route[-1] == pytest.approx(to[target])
        assert layout.trunk[edge] == (target if layout.is_reversed[edge] else source)
        if source != target:
            steps = np.diff(route[:, 1])
            assert ((steps <= CLOSE) if layout.is_reversed[edge] else (steps >= -CLOSE)).all()


@settings(max_examples=100, deadline=None)
@given(graphs(acyclic=True))
def test_without_circles_sources_lie_above_targets(graph: Given) -> None:
    blocks, edges, _ = graph
    layout = layered(*graph)
    assert not layout.is_reversed.any()
    for source, target in edges.tolist():
        above = layout.corners[source, 1] + blocks[source, 1]
        assert above + ROW_GAP <= layout.corners[target, 1] + CLOSE


def assert_equal(one: Layout, other: Layout) -> None:
    for each in fields(Layout):
        assert np.array_equal(getattr(one, each.name), getattr(other, each.name)), each.name


@settings(max_examples=100, deadline=None)
@given(graph=graphs())
def test_compiled_and_uncompiled_loops_agree(loops: ModuleType, graph: Given) -> None:
    found = layered(*graph)
    assert_equal(found, layered(*graph))
    with patch.object(compiled, "_loaded", None):
        assert_equal(found, layered(*graph))


def test_a_larger_graph_is_laid_out_alike_without_compiled_loops(loops: ModuleType) -> None:
    random = np.random.default_rng(4)
    target = np.repeat(np.arange(1, 600), 2)
    source = np.maximum(target - 1 - random.exponential(20, len(target)).astype(np.int64), 0)
    graph = boxes_of(600), np.column_stack([source, target]), np.array([0])
    found = layered(*graph)
    with patch.object(compiled, "_loaded", None):
        assert_equal(found, layered(*graph))


def test_a_chain_is_straight() -> None:
    layout = laid_out(40, [(at, at + 1) for at in range(39)])
    assert np.ptp(middles(layout)) < CLOSE
    assert layout.width == pytest.approx(100.0)
    assert all(len(layout.route(edge)) == 2 for edge in range(39))
    assert layout.trunk_start[-1] == 0


def test_a_diamond_has_its_arms_beside_each_other() -> None:
    layout = laid_out(4, [(0, 1), (0, 2), (1, 3), (2, 3)])
    rows = layout.corners[:, 1]
    assert rows[0] < rows[1] == rows[2] < rows[3]
    assert middles(layout)[0] == pytest.approx(middles(layout)[3])


def test_a_circle_has_one_edge_against_the_flow() -> None:
    layout = laid_out(3, [(0, 1), (1, 2), (2, 0)])
    assert layout.corners[:, 1].tolist() == sorted(layout.corners[:, 1])
    assert layout.is_reversed.tolist() == [False, False, True]
    assert layout.route(0)[0, 1] < layout.route(0)[-1, 1]
    assert layout.route(2)[0, 1] > layout.route(2)[-1, 1]


def test_what_a_circle_leads_to_lies_below_it_whatever_its_number() -> None:
    layout = laid_out(3, [(1, 2), (2, 1), (2, 0)])
    assert layout.is_reversed.tolist() == [False, True, False]


def test_an_edge_from_a_box_to_itself_goes_around_it() -> None:
    layout = laid_out(2, [(0, 0), (0, 1)])
    route = layout.route(0)
    assert route[:, 0].max() > layout.corners[0, 0] + 100.0
    assert route[0, 1] > route[-1, 1]
    assert layout.route(1)[0, 1] < layout.route(1)[-1, 1]


def test_edges_that_stand_twice_have_one_way() -> None:
    layout = laid_out(2, [(0, 1), (0, 1)])
    assert layout.route(0).tolist() == layout.route(1).tolist()


def test_a_deep_chain_is_a_straight_column_beside_its_skips() -> None:
    edges = [(at, at + 1) for at in range(99)] + [(at, at + 9) for at in range(0, 90, 7)]
    layout = laid_out(100, edges)
    assert np.ptp(middles(layout)) < CLOSE
    assert layout.width < 400.0


def test_a_tensor_that_all_read_is_one_line_and_not_one_each() -> None:
    edges = [(at, at + 1) for at in range(50)] + [(0, at) for at in range(2, 51)]
    layout = laid_out(51, edges)
    assert layout.width < 200.0
    assert max(len(layout.route(edge)) for edge in range(len(edges))) <= 6
    assert layout.trunk_start[1] == layout.trunk_start[-1] > 0


def test_side_inputs_lie_beside_what_reads_them() -> None:
    chain = [(at, at + 1) for at in range(2, 11)]
    layout = laid_out(12, [(0, 1), (1, 11), *chain], (2,))
    assert layout.corners[1, 1] == layout.corners[10, 1]
    assert layout.corners[0, 1] == layout.corners[9, 1]


def test_the_way_of_the_data_is_straight_although_a_weight_has_a_longer_one() -> None:
    layout = laid_out(6, [(0, 4), (1, 2), (2, 3), (3, 4), (4, 5)], (0,))
    line = middles(layout)[0]
    assert middles(layout)[4:] == pytest.approx([line, line], abs=0.01)
    assert layout.corners[0, 1] == 0.0
    assert layout.route(0)[:, 0] == pytest.approx(line)


def crossings(layout: Layout, edges: list[tuple[int, int]]) -> int:
    """Pairs of edges without a common box whose lines cross."""
    found = 0
    for one, other in combinations(range(len(edges)), 2):
        if set(edges[one]) & set(edges[other]):
            continue
        for a, b in pairwise(layout.route(one)):
            for c, d in pairwise(layout.route(other)):
                found += side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
    return found


def side(begin: Float64, end: Float64, point: Float64) -> float:
    (x, y), (to_x, to_y) = begin, end
    return float((to_x - x) * (point[1] - y) - (to_y - y) * (point[0] - x))


def test_edges_that_need_not_cross_do_not() -> None:
    number = np.random.default_rng(2).permutation(25).reshape(5, 5)  # a lattice
    edges = []
    for row, place in np.ndindex(4, 5):
        edges.append((int(number[row, place]), int(number[row + 1, place])))
        if place < 4:
            edges.append((int(number[row, place]), int(number[row + 1, place + 1])))
    assert crossings(laid_out(25, edges), edges) == 0


def test_what_all_layers_read_runs_on_the_side_where_it_crosses_nothing() -> None:
    edges, state = [], 0
    for layer in range(6):  # 1 is read by all; a branch on each side, and a skip over all
        left, right, scores, masked, mixed, added = range(2 + 6 * layer, 8 + 6 * layer)
        edges += [(state, left), (state, right), (left, scores), (scores, masked), (1, masked)]
        edges += [(masked, mixed), (right, mixed), (mixed, added), (state, added)]
        state = added
    assert crossings(laid_out(38, edges, (0,)), edges) == 0


def test_boxes_in_single_file_beside_others_lie_below_each_other() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 6), (6, 7), (7, 8), (8, 5)]
    blocks = boxes_of(9)
    blocks[:, 0] += np.arange(9)
    blocks[:, 3] = 20.0
    layout = layered(blocks, np.array(edges), np.array([0]))
    for edge in (5 + 1, 5 + 2):
        assert np.ptp(layout.route(edge)[:, 0]) < CLOSE


def test_many_boxes_without_edges_lie_in_rows() -> None:
    layout = laid_out(200, [])
    assert len({tuple(corner) for corner in layout.corners.tolist()}) == 200
    assert layout.width < 3000.0
    assert layout.height < 1500.0


def test_a_few_boxes_without_edges_lie_beside_the_others() -> None:
    chain = [(at, at + 1) for at in range(9)]
    assert laid_out(14, chain).height == laid_out(10, chain).height


def test_nothing_and_one_box_have_a_layout() -> None:
    nothing = laid_out(0, [])
    assert (nothing.width, nothing.height, len(nothing.corners)) == (0.0, 0.0, 0)
    one = laid_out(1, [])
    assert (one.width, one.height, one.corners.tolist()) == (100.0, 36.0, [[0.0, 0.0]])


def test_of_too_many_long_edges_the_longest_run_beside_all_boxes() -> None:
    count = 1200
    edges = [(at, at + 1) for at in range(count - 1)]
    edges += [(at, count - 1) for at in range(count - 2)]
    layout = laid_out(count, edges)
    assert layout.width < 100_000.0
    bounds = np.hstack([layout.corners, layout.corners + np.array([100.0, 36.0])])
    longest = layout.route(count - 1)
    assert len(longest) <= 7
    for begin, end in pairwise(longest):
        assert not any(passes_through(begin, end, bounds[box]) for box in range(1, count - 1))
