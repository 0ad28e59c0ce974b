"""Lanes, raster, ruler and counters against slow references."""

from itertools import pairwise

import numpy as np
import pytest

from profilers.profile import Slices
from tests.benchmarks.bench_timeline import large_profile
from views.timeline.counters import CounterSeries
from views.timeline.lanes import Lanes
from views.timeline.raster import blend, pixel_edges, rasterise
from views.timeline.time_scale import ticks


def one_lane(intervals: list[tuple[int, int]]) -> Lanes:
    """Lane 0 of slices given as (start, duration), in order."""
    count = len(intervals)
    zeros, none = np.zeros(count), np.full(count, -1)
    start, duration = np.array(intervals).reshape(-1, 2).T
    slices = Slices.of(
        start_ns=start, duration_ns=duration, name=np.arange(count), category=none, kind=zeros,
        track=zeros, depth=zeros, parent=none, correlation=none, step=none, node=none, group=none,
    )  # fmt: skip
    return Lanes.of(slices, np.array([0]), 1)


def covered_ns(interval: tuple[int, int], left: float, right: float) -> float:
    begin, end = interval[0], interval[0] + max(interval[1], 1)
    return min(end, right) - max(begin, left)


def random_intervals(seed: int, count: int, gap: int, length: int) -> list[tuple[int, int]]:
    random = np.random.default_rng(seed)
    at, intervals = 0, []
    for _ in range(count):
        at += int(random.integers(0, gap))
        duration = int(random.integers(0, length))
        intervals.append((at, duration))
        at += max(duration, 1)
    return intervals


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("begin", "end"), [(0.0, 50_000.0), (1234.5, 1600.25), (700.1, 712.9)])
def test_every_pixel_shows_what_lies_in_it_and_nothing_else(
    seed: int, begin: float, end: float
) -> None:
    intervals = random_intervals(seed, 400, gap=80, length=120)
    edges = pixel_edges(begin, end, 97)
    raster = rasterise(one_lane(intervals), 0, edges)
    for pixel, (left, right) in enumerate(pairwise(edges.tolist())):
        inside = [
            at for at, interval in enumerate(intervals) if covered_ns(interval, left, right) > 1e-6
        ]
        if not inside:
            assert raster.place[pixel] == -1
            assert raster.strength[pixel] == 0
            continue
        first, last = intervals[inside[0]], intervals[inside[-1]]
        wanted = max(covered_ns(first, left, right), covered_ns(last, left, right))
        assert raster.place[pixel] in inside
        shown = intervals[int(raster.place[pixel])]
        assert covered_ns(shown, left, right) == pytest.approx(wanted)
        busy = sum(covered_ns(intervals[at], left, right) for at in inside) / (right - left)
        is_border = shown[0] >= left and max(shown[1], 1) >= 4 * (right - left)
        if not is_border:
            assert raster.strength[pixel] == pytest.approx(np.clip(busy, 0.5, 1.0))


def test_an_instant_among_hours_leaves_a_mark() -> None:
    raster = rasterise(one_lane([(1_800_000_000_000, 0)]), 0, pixel_edges(0.0, 3.6e12, 100))
    assert np.flatnonzero(raster.place >= 0).tolist() == [50]
    assert raster.strength[50] == pytest.approx(0.5)


def test_slices_that_overlap_in_one_lane_are_all_found() -> None:
    lanes = one_lane([(0, 1000), (100, 50), (900, 300)])
    raster = rasterise(lanes, 0, pixel_edges(0.0, 1300.0, 13))
    assert (raster.place >= 0).tolist() == [True] * 12 + [False]
    assert lanes.at(0, 1100) == 2


def test_the_slice_at_a_moment_is_the_one_that_holds_it() -> None:
    intervals = random_intervals(7, 300, gap=50, length=60)
    lanes = one_lane(intervals)
    for moment in range(0, intervals[-1][0], 37):
        holding = [
            at
            for at, (start, duration) in enumerate(intervals)
            if start <= moment < start + max(duration, 1)
        ]
        found = lanes.at(0, moment)
        assert found == (holding[0] if holding else -1)


def test_a_near_miss_takes_the_nearest_slice_within_the_tolerance() -> None:
    lanes = one_lane([(100, 10), (130, 10)])
    assert lanes.at(0, 116, tolerance_ns=10) == 0
    assert lanes.at(0, 127, tolerance_ns=10) == 1
    assert lanes.at(0, 120, tolerance_ns=5) == -1


def test_lanes_hold_every_slice_once_in_time_order() -> None:
    slices = large_profile(8000).trace.slices
    depths = np.full(40, 4)
    lanes = Lanes.of(slices, np.cumsum(depths) - depths, 160)
    assert sorted(lanes.row.tolist()) == list(range(len(slices)))
    for lane in range(len(lanes)):
        rows = lanes.row[lanes.bounds[lane] : lanes.bounds[lane + 1]]
        assert np.all(slices.track[rows] * 4 + slices.depth[rows] == lane)
        assert np.all(np.diff(slices.start_ns[rows]) >= 0)


def test_a_subset_keeps_its_slices_in_their_lanes() -> None:
    slices = large_profile(8000).trace.slices
    depths = np.full(40, 4)
    lanes = Lanes.of(slices, np.cumsum(depths) - depths, 160)
    wanted = np.array([5, 17, 4000, 7999])
    subset = lanes.subset(wanted)
    assert sorted(subset.row.tolist()) == wanted.tolist()
    for row in wanted.tolist():
        lane = int(slices.track[row]) * 4 + int(slices.depth[row])
        assert row in subset.row[subset.bounds[lane] : subset.bounds[lane + 1]]


def test_blending_mixes_each_channel() -> None:
    mixed = blend(np.array([0xFFFF0080, 0xFF102030], np.uint32), np.array([0.5, 1.0]), 0xFF00FF00)
    assert [hex(value) for value in mixed.tolist()] == ["0xff7f7f40", "0xff102030"]


def test_counter_columns_hold_values_until_the_next_and_keep_peaks() -> None:
    series = CounterSeries(np.array([10, 20, 21, 22, 40]), np.array([1.0, 2.0, 9.0, 3.0, 4.0]))
    values = series.columns(pixel_edges(0.0, 50.0, 5))
    assert np.isnan(values[0])
    assert values[1:].tolist() == [1.0, 9.0, 3.0, 4.0]


@pytest.mark.parametrize("span", [10.0, 3e3, 7.7e6, 1e9, 3.6e12])
def test_ticks_are_round_in_range_and_told_apart(span: float) -> None:
    marks = ticks(-0.1 * span, span, 1000)
    assert 4 <= len(marks.times_ns) <= 11
    assert all(-0.1 * span <= time <= span * 1.000001 for time in marks.times_ns)
    texts = [marks.text(time) for time in marks.times_ns]
    assert len(set(texts)) == len(texts)
    assert "0" in texts


def test_ticks_far_from_zero_show_the_digits_that_differ() -> None:
    marks = ticks(239_000_000.0, 239_000_200.0, 800)
    texts = [marks.text(time) for time in marks.times_ns]
    assert len(set(texts)) == len(texts)
