"""The compiled loops draw, index and sum exactly as numpy does."""

from dataclasses import fields
from types import ModuleType
from unittest.mock import patch

import numpy as np
import pytest

from profilers import compiled
from profilers.profile import Slices
from profilers.profile.table import Int64
from profilers.traces.nesting import nest, paired, slice_order
from views.timeline.lanes import Lanes
from views.timeline.range_sums import range_sums
from views.timeline.raster import Paint, picture, pixel_edges

TRACKS = 5


def without_loops() -> object:
    return patch.object(compiled, "_loaded", None)


def random_columns(seed: int, count: int = 3000) -> tuple[Int64, Int64, Int64]:
    """Track, start and duration in any order: nested, partly overlapping, touching and empty ones."""
    random = np.random.default_rng(seed)
    track = random.integers(0, TRACKS, count)
    start = random.integers(0, 60_000, count)
    duration = random.choice([0, 1, 7, 60, 400, 9000], count) + random.integers(0, 3, count)
    return track, start, duration


def random_slices(seed: int) -> Slices:
    track, start, duration = random_columns(seed)
    order = slice_order(track.astype(np.int32), start, duration)
    track, start, duration = track[order], start[order], duration[order]
    depth, parent = nest(track.astype(np.int32), start, duration)
    none = np.full(len(track), -1)
    return Slices.of(
        start_ns=start, duration_ns=duration, name=np.arange(len(track)) % 37,
        category=np.arange(len(track)) % 5 - 1, kind=none, track=track, depth=depth, parent=parent,
        correlation=none, step=none, node=none, group=none,
    )  # fmt: skip


def random_lanes(slices: Slices) -> Lanes:
    depths = np.zeros(TRACKS, np.int64)
    np.maximum.at(depths, slices.track, slices.depth.astype(np.int64) + 1)
    ends = np.cumsum(depths)
    return Lanes.of(slices, ends - depths, int(ends[-1]))


@pytest.mark.parametrize("seed", range(3))
def test_slices_are_ordered_and_nested_alike(loops: ModuleType, seed: int) -> None:
    track, start, duration = random_columns(seed)
    order = slice_order(track.astype(np.int32), start, duration)
    with without_loops():
        expected = slice_order(track.astype(np.int32), start, duration)
    columns = (track, start, duration)
    for column in columns:
        assert column[order].tolist() == column[expected].tolist()
    nested = nest(*(column[order] for column in columns))
    with without_loops():
        plain = nest(*(column[order] for column in columns))
    assert nested[0].tolist() == plain[0].tolist()
    assert nested[1].tolist() == plain[1].tolist()


def test_many_slices_that_start_together_are_ordered_by_length(loops: ModuleType) -> None:
    duration = np.random.default_rng(0).integers(0, 10**6, 5000)
    zeros = np.zeros(5000, np.int64)
    order = slice_order(zeros.astype(np.int32), zeros, duration)
    assert duration[order].tolist() == sorted(duration.tolist(), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_begins_and_ends_pair_alike(loops: ModuleType, seed: int) -> None:
    random = np.random.default_rng(seed)
    key, time_ns = random.integers(0, 9, 2000), random.integers(0, 500, 2000)
    found = paired(key, time_ns, 1100)
    with without_loops():
        assert paired(key, time_ns, 1100).tolist() == found.tolist()
    assert (time_ns[found[found >= 0]] >= time_ns[:1100][found >= 0]).all()
    assert (key[found[found >= 0]] == key[:1100][found >= 0]).all()


@pytest.mark.parametrize("seed", range(3))
def test_lanes_are_indexed_alike(loops: ModuleType, seed: int) -> None:
    slices = random_slices(seed)
    found = random_lanes(slices)
    with without_loops():
        expected = random_lanes(slices)
    for each in fields(Lanes):
        if each.name != "slices":
            assert np.array_equal(getattr(found, each.name), getattr(expected, each.name)), each


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("begin", "end"), [(-500.0, 75_000.0), (1234.5, 1600.25), (20_000.0, 40_000.0), (700.1, 712.9)]
)
@pytest.mark.parametrize("dim", [1.0, 0.55])
def test_pixels_and_labels_are_alike(
    loops: ModuleType, seed: int, begin: float, end: float, dim: float
) -> None:
    lanes = random_lanes(random_slices(seed))
    shown = np.arange(len(lanes))[::-1].copy()
    edges = pixel_edges(begin, end, 331)
    index = np.where(lanes.name % 9 == 0, -1, lanes.name).astype(np.int32)
    palette = np.random.default_rng(seed).integers(0, 2**24, 40).astype(np.uint32) | 0xFF000000
    paint = Paint(index, palette, 0xFF102030, dim)
    found = picture(lanes, shown, edges, paint, 30 * (end - begin) / 331)
    with without_loops():
        expected = picture(lanes, shown, edges, paint, 30 * (end - begin) / 331)
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.wide == expected.wide
    assert len(found.wide) > 0


@pytest.mark.parametrize("seed", range(3))
def test_ranges_are_summed_alike_and_as_one_by_one(loops: ModuleType, seed: int) -> None:
    slices = random_slices(seed)
    lanes = random_lanes(slices)
    category = slices.category[lanes.row]
    for begin, end in ((0, 70_000), (12_345, 31_000), (500, 501), (90_000, 95_000)):
        found = range_sums(lanes, category, begin, end)
        with without_loops():
            expected = range_sums(lanes, category, begin, end)
        for each in ("entry", "total_ns", "count"):
            assert getattr(found, each).tolist() == getattr(expected, each).tolist()
        slow: dict[int, int] = {}
        for start, stop, entry in zip(lanes.start_ns, lanes.end_ns, category, strict=True):
            inside = min(int(stop), end) - max(int(start), begin)
            if inside > 0 and entry >= 0:
                slow[int(entry)] = slow.get(int(entry), 0) + inside
        assert dict(zip(found.entry.tolist(), found.total_ns.tolist(), strict=True)) == slow


def test_a_few_rows_are_found_as_many_are() -> None:
    lanes = random_lanes(random_slices(0))
    rows = np.random.default_rng(1).permutation(len(lanes.row))[:300]
    few = lanes.places_of(rows)
    with patch("views.timeline.lanes._FEW_ROWS", 0):
        assert lanes.places_of(rows).tolist() == few.tolist()
    assert sorted(lanes.row[few].tolist()) == sorted(rows.tolist())
