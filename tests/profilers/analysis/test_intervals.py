"""Interval sets against a raster that marks every nanosecond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilers.analysis.intervals import (
    Intervals,
    clip,
    gaps,
    latest_end_so_far,
    lengths_by_cover,
    overlap_ns,
    union,
)

END = 60
spans = st.lists(st.tuples(st.integers(0, END), st.integers(0, END)), max_size=12)
bounds = st.tuples(st.integers(0, END), st.integers(0, END)).map(sorted)


def union_of(pairs: list[tuple[int, int]]) -> Intervals:
    begin, end = np.array(pairs, np.int64).reshape(-1, 2).T
    return union(begin, end)


def raster(pairs: list[tuple[int, int]]) -> np.ndarray:
    marked = np.zeros(END, bool)
    for begin, end in pairs:
        marked[begin:end] = True
    return marked


def marked_by(intervals: Intervals) -> np.ndarray:
    return raster(list(zip(intervals.begin_ns.tolist(), intervals.end_ns.tolist(), strict=True)))


@given(spans)
def test_a_union_covers_what_its_parts_cover_in_as_few_intervals_as_can_be(
    pairs: list[tuple[int, int]],
) -> None:
    found, expected = union_of(pairs), raster(pairs)
    assert (marked_by(found) == expected).all()
    assert found.length_ns == expected.sum()
    assert len(found) == (np.diff(expected.astype(int), prepend=0) == 1).sum()
    assert (found.end_ns > found.begin_ns).all()


@given(spans, bounds)
def test_gaps_and_clipped_parts_make_up_the_whole(
    pairs: list[tuple[int, int]], bound: tuple[int, int]
) -> None:
    begin, end = bound
    covered, window = raster(pairs), raster([(begin, end)])
    inside, outside = clip(union_of(pairs), begin, end), gaps(union_of(pairs), begin, end)
    assert (marked_by(inside) == (covered & window)).all()
    assert (marked_by(outside) == (~covered & window)).all()
    assert inside.length_ns + outside.length_ns == end - begin


@given(st.tuples(spans, spans, spans))
def test_every_moment_counts_for_one_combination(
    parts: tuple[list[tuple[int, int]], ...],
) -> None:
    lengths = lengths_by_cover([union_of(pairs) for pairs in parts])
    marks = np.array([raster(pairs) for pairs in parts])
    cover = (marks * np.array([[1], [2], [4]])).sum(0)
    assert lengths[1:].tolist() == np.bincount(cover, minlength=8)[1:].tolist()
    assert overlap_ns(union_of(parts[0]), union_of(parts[1])) == (marks[0] & marks[1]).sum()


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_covers_nothing(count: int) -> None:
    empty = union_of([(5, 5)] * count)
    assert len(empty) == 0
    assert overlap_ns(empty, union_of([(0, 9)])) == 0
    assert gaps(empty, 2, 4).length_ns == 2


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-END, END)), max_size=20),
    st.sampled_from([1, 2**55]),  # the second leaves no room to tell groups apart by adding
)
def test_the_latest_end_of_a_group_so_far(ends: list[tuple[int, int]], scale: int) -> None:
    ends = sorted(ends, key=lambda pair: pair[0])
    group = np.array([pair[0] for pair in ends], np.int64)
    end_ns = np.array([pair[1] * scale for pair in ends], np.int64)
    expected = [
        max(
            (at for at in range(row + 1) if group[at] == group[row]),
            key=lambda at: (end_ns[at], at),
        )
        for row in range(len(ends))
    ]
    assert latest_end_so_far(group, end_ns).tolist() == expected
