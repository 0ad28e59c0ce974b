"""The loops of the graph layout, one by one, against what they are said to do."""

from collections import Counter
from itertools import combinations, pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from profilers.compiled.graph_flow import fill_groups, flow_order
from profilers.compiled.graph_order import count_crossings, sort_rows, swap_neighbours
from profilers.compiled.graph_places import pull_rows
from profilers.compiled.graph_ranks import fill_heights, fill_ranks, follow_longest

NAN = float("nan")

Edges = list[tuple[int, int]]


def grouped(count: int, keys: list[int], values: list[int]) -> tuple[list[int], list[int]]:
    sizes = Counter(keys)
    start = [0]
    for key in range(count):
        start.append(start[-1] + sizes[key])
    members = [0] * len(keys)
    fill_groups(keys, values, start[:-1], members)
    return start, members


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    count = draw(st.integers(1, 15))
    box = st.integers(0, count - 1)
    return count, sorted(draw(st.sets(st.tuples(box, box), max_size=40)))


def acyclic(graph: tuple[int, Edges]) -> tuple[int, Edges]:
    count, edges = graph
    return count, [(a, b) for a, b in edges if a < b]


class TwoRows:
    """Some cells above some others, and ties between them at random."""

    def __init__(self, upper: int, lower: int, ties: Edges) -> None:
        self.row_start = [0, upper, upper + lower]
        self.cells = list(range(upper + lower))
        self.ties = [(a, upper + b) for a, b in ties]
        above, below = [a for a, _ in self.ties], [b for _, b in self.ties]
        self.below_start, self.below = grouped(upper + lower, above, below)
        self.above_start, self.above = grouped(upper + lower, below, above)
        self.place = [*range(upper), *range(lower)]

    def counted(self) -> int:
        tree = [0] * (len(self.cells) + 1)
        return count_crossings(
            self.row_start, self.cells, self.below_start, self.below, self.place, tree
        )

    def crossings(self) -> int:
        at = self.place
        return sum(
            (at[a] - at[c]) * (at[b] - at[d]) < 0 for (a, b), (c, d) in combinations(self.ties, 2)
        )


@st.composite
def two_rows(draw: st.DrawFn) -> TwoRows:
    upper, lower = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    ties = draw(st.sets(st.tuples(st.integers(0, upper - 1), st.integers(0, lower - 1))))
    return TwoRows(upper, lower, sorted(ties))


@given(graphs().map(acyclic), st.randoms())
def test_without_circles_every_edge_leads_onwards(graph: tuple[int, Edges], random: Random) -> None:
    count, edges = graph
    number = list(range(count))
    random.shuffle(number)
    edges = [(number[a], number[b]) for a, b in edges]
    start, readers = grouped(count, [a for a, _ in edges], [b for _, b in edges])
    order = [0] * count
    flow_order(start, readers, start[:-1], [False] * count, [0] * count, order)
    assert sorted(order) == list(range(count))
    assert all(order.index(a) < order.index(b) for a, b in edges)


@given(graphs())
def test_of_any_graph_every_box_comes_once(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    start, readers = grouped(count, [a for a, _ in edges], [b for _, b in edges])
    order = [0] * count
    flow_order(start, readers, start[:-1], [False] * count, [0] * count, order)
    assert sorted(order) == list(range(count))


@given(graphs().map(acyclic))
def test_rows_go_down_along_edges_and_the_longest_path_is_one(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    order = list(range(count))
    start, readers = grouped(count, [a for a, _ in edges], [b for _, b in edges])
    height = [0] * count
    fill_heights(order, start, readers, height)
    head = height.index(max(height))
    path = [0] * (height[head] + 1)
    follow_longest(start, readers, height, head, path)
    assert path[0] == head
    assert set(pairwise(path)) <= set(edges)
    arriving = [sum(b == box for _, b in edges) for box in range(count)]
    rank = [0] * count
    fill_ranks(order, start, readers, arriving, head, [False] * count, rank)
    assert all(rank[a] < rank[b] for a, b in edges)
    assert max(rank) == height[head]


@given(two_rows())
def test_crossings_are_those_of_all_pairs(rows: TwoRows) -> None:
    assert rows.counted() == rows.crossings()


@given(two_rows())
def test_swaps_save_as_many_crossings_as_they_say(rows: TwoRows) -> None:
    before = rows.crossings()
    saved = swap_neighbours(
        rows.row_start, rows.cells, rows.above_start, rows.above, rows.below_start, rows.below,
        rows.place, [0] * len(rows.cells),
    )  # fmt: skip
    assert rows.crossings() == before - saved
    assert sorted(rows.cells) == list(range(len(rows.cells)))


@given(two_rows(), st.booleans())
def test_a_row_is_sorted_by_what_lies_above_it(rows: TwoRows, by_mean: bool) -> None:
    count = len(rows.cells)
    key = [0.0] * count
    sort_rows(
        rows.row_start, rows.cells, rows.below_start, rows.below, rows.above_start, rows.above,
        rows.place, True, by_mean, [0] * count, key, [0] * count,
    )  # fmt: skip
    lower = rows.cells[rows.row_start[1] :]
    assert sorted(lower) == list(range(rows.row_start[1], count))
    assert [key[cell] for cell in lower] == sorted(key[cell] for cell in lower)
    assert [rows.place[cell] for cell in lower] == list(range(len(lower)))
    for cell in lower:
        places = sorted(rows.place[a] for a, b in rows.ties if b == cell)
        if places and by_mean:
            assert key[cell] == sum(places) / len(places)
        elif places:
            middle = len(places) // 2
            assert key[cell] == (places[middle] + places[~middle]) / 2


@given(two_rows())
def test_rows_keep_their_order_and_gaps(rows: TwoRows) -> None:
    count, gap = len(rows.cells), 18.0
    half, zero = [10.0 + cell for cell in range(count)], [0.0] * count
    centre = [0.0] * count
    pull_rows(
        rows.row_start, rows.cells, rows.above_start, rows.above, rows.below_start, rows.below,
        count, half, zero, zero, [NAN] * count, gap, True, True, centre, [0.0] * count,
        [0.0] * count, [0.0] * count, [0] * count,
    )  # fmt: skip
    for begin, end in zip(rows.row_start, rows.row_start[1:], strict=False):
        for left, right in zip(range(begin, end), range(begin + 1, end), strict=False):
            room = half[left] + gap + half[right]
            assert centre[right] - centre[left] >= room - 1e-9
