"""Busy shares and idle gaps of streams and devices, against slow references and on the picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage

from profilers.captures.joined_ranks import RankPart, join_ranks
from profilers.opening import open_path
from profilers.profile import MemoryCounters, Profile, SliceKind, StringPool, TrackKind
from profilers.traces.trace_builder import TraceBuilder
from tests.sample import MS
from tests.views.conftest import ShowView
from tests.views.timeline_samples import two_devices
from views.timeline import TimelineView
from views.timeline.busy import BusyTimes
from views.timeline.counters import CounterSeries
from views.timeline.device_painting import GAP_HEIGHT
from views.timeline.layout import Band, BandKind


@pytest.fixture(scope="module")
def real_trace(shared_data: Path) -> Profile:
    """Eight ranks' training on an A100: four streams that overlap."""
    profile = open_path(shared_data / "a100_train_control.json.gz")
    assert isinstance(profile, Profile)
    return profile


def random_intervals(seed: int, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Sorted by start; they overlap, touch and leave gaps."""
    random = np.random.default_rng(seed)
    start = np.sort(random.integers(0, 5000, count))
    return start, start + random.integers(1, 25, count)


def is_busy(start: np.ndarray, end: np.ndarray, until: int) -> np.ndarray:
    """One flag per ns, the slow way."""
    busy = np.zeros(until, bool)
    for begin, stop in zip(start, end, strict=True):
        busy[begin:stop] = True
    return busy


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_exact_at_any_zoom(seed: int) -> None:
    start, end = random_intervals(seed)
    busy = is_busy(start, end, 6000)
    work = BusyTimes.union(start, end)
    for columns in (1, 7, 600, 3000):
        edges = np.linspace(0, 6000, columns + 1)
        before = np.concatenate(([0], np.cumsum(busy)))
        wanted = np.diff(np.interp(edges, np.arange(6001), before)) / np.diff(edges)
        assert work.shares(edges) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shortest", [1, 4, 30])
def test_gaps_in_sight_are_found_all_and_none_else(seed: int, shortest: int) -> None:
    start, end = random_intervals(seed)
    busy = is_busy(start, end, 6000)
    work = BusyTimes.union(start, end)
    flips = np.flatnonzero(np.diff(busy.astype(int))) + 1
    idle_from = flips[~busy[flips]]
    idle_until = [next((flip for flip in flips if flip > at), None) for at in idle_from]
    wanted = {
        (int(begin), int(stop))
        for begin, stop in zip(idle_from, idle_until, strict=True)
        if stop is not None and stop - begin >= shortest and stop > 800 and begin < 3200
    }
    found = work.gaps(800.0, 3200.0, float(shortest))
    assert set(zip(*(each.tolist() for each in found), strict=True)) == wanted
    for begin, stop in wanted:
        assert work.gap_at((begin + stop) / 2) == (begin, stop)


def test_nothing_is_busy_without_work() -> None:
    none = BusyTimes.union(np.empty(0, np.int64), np.empty(0, np.int64))
    assert none.shares(np.array([0.0, 1.0, 2.0])).tolist() == [0.0, 0.0]
    assert none.gap_at(1.0) is None
    assert len(none.gaps(0.0, 10.0, 1.0)[0]) == 0


def stream_band(view: TimelineView, title: str, group: str) -> Band:
    return next(band for band in view.scene.bands if (band.title, band.group) == (title, group))


def has_ink(image: QImage, left: float, right: float, top: int, height: int) -> bool:
    """Whether a box of the picture is not of one colour."""
    box = image.copy(round(left), top, round(right - left), height)
    colours = {box.pixel(x, y) for x in range(box.width()) for y in range(box.height())}
    return len(colours) > 1


def test_a_gap_between_kernels_is_hatched_and_named(show_view: ShowView) -> None:
    view, context = show_view("timeline", two_devices())
    context.time_axis.show(0, 10 * MS)
    band = stream_band(view, "stream 7", "GPU 0")  # works 1-3 and 4-6
    scale = view.scene.scale(view.canvas.width())
    image = view.canvas.grab().toImage()
    box = view.scene.lanes_box(band, view.canvas.width())
    top = round(box.bottom()) - GAP_HEIGHT
    x_of = [scale.x_of(at * MS) for at in range(11)]
    assert has_ink(image, x_of[3] + 3, x_of[4] - 3, top, GAP_HEIGHT)
    assert not has_ink(image, x_of[3] + 3, x_of[4] - 3, top - 5, 4)
    assert not has_ink(image, x_of[6] + 3, x_of[7] - 3, top, GAP_HEIGHT)  # after the last kernel
    tips = {at: view.canvas.tooltip_at(QPointF(x_of[at] + 9, top)) for at in (1, 3, 6)}
    assert tips[3] == "idle for 1 ms"
    assert tips[1].startswith("kernel_0_7")
    assert tips[6] == ""


def test_the_busy_lane_lies_under_the_streams_and_fills_by_share(show_view: ShowView) -> None:
    view, context = show_view("timeline", two_devices())
    view.resize(900, 700)
    context.time_axis.show(0, 10 * MS)
    group = [band for band in view.scene.bands if band.group == "GPU 1"]
    assert [band.kind for band in group[-2:]] == [BandKind.SLICES, BandKind.BUSY]
    box = view.scene.lanes_box(group[-1], view.canvas.width())
    image = view.canvas.grab().toImage()
    scale = view.scene.scale(view.canvas.width())
    middle = round(box.center().y())
    working, idle = (round(scale.x_of(at * MS)) for at in (4, 9))
    assert image.pixel(working, middle) != image.pixel(idle, middle)
    tip = view.canvas.tooltip_at(QPointF(working, middle))
    assert tip == "GPU 1 busy: 100.0 % here, 75.0 % in sight"


def test_ranges_on_a_stream_that_enclose_kernels_are_no_work(show_view: ShowView) -> None:
    pool = StringPool()
    trace = TraceBuilder(pool)
    stream = trace.track("stream 7", TrackKind.STREAM, "GPU 0", 0)
    trace.slice(stream, 0, 10_000, "## forward ##", SliceKind.ANNOTATION, "gpu_user_annotation")
    trace.slice(stream, 1000, 1000, "kernel", SliceKind.KERNEL, "kernel")
    trace.slice(stream, 4000, 500, "Memcpy DtoH", SliceKind.COPY, "gpu_memcpy")
    built, _ = trace.build()
    view, _ = show_view("timeline", Profile("annotated", pool.table(), built))
    work = view.scene.work.of_device("GPU 0")
    assert work.start_ns.tolist() == [1000, 4000]
    assert work.end_ns.tolist() == [2000, 4500]


def test_busy_times_of_a_real_trace(show_view: ShowView, real_trace: Profile) -> None:
    """Streams and device agree with a union computed kernel by kernel."""
    view, _ = show_view("timeline", real_trace)
    slices, tracks = real_trace.trace.slices, real_trace.trace.tracks
    group = next(band.group for band in view.scene.bands if band.kind is BandKind.BUSY)
    kinds = (SliceKind.KERNEL, SliceKind.COPY, SliceKind.COMMUNICATION)
    rows = np.flatnonzero(
        np.isin(slices.kind, kinds) & (tracks.kind[slices.track] == TrackKind.STREAM)
    )
    busy_ns, until = 0, -1
    for row in rows[np.argsort(slices.start_ns[rows], kind="stable")].tolist():
        begin, end = int(slices.start_ns[row]), int(slices.start_ns[row] + slices.duration_ns[row])
        busy_ns += max(end - max(begin, until), 0)
        until = max(until, end)
    work = view.scene.work.of_device(group)
    assert int((work.end_ns - work.start_ns).sum()) == busy_ns
    assert (work.start_ns[1:] > work.end_ns[:-1]).all()


def test_a_counter_fills_its_lane_by_value_and_tells_it(show_view: ShowView) -> None:
    pool = StringPool()
    trace = TraceBuilder(pool)
    counter = trace.track("allocated", TrackKind.COUNTER, "GPU 0", 0)
    for time_ns, value in ((1000, 10.0), (5000, 40.0), (9000, 0.0)):
        trace.counter(counter, time_ns, value)
    built, _ = trace.build()
    view, context = show_view("timeline", Profile("counters alone", pool.table(), built))
    context.time_axis.take_extent(0, 12_000)
    context.time_axis.fit()
    band = next(band for band in view.scene.bands if band.kind is BandKind.COUNTER)
    box = view.scene.lanes_box(band, view.canvas.width())
    image = view.canvas.grab().toImage()
    scale = view.scene.scale(view.canvas.width())
    background = context.theme.panel

    def filled(time_ns: int) -> int:
        x = round(scale.x_of(time_ns))
        ys = range(round(box.top()), round(box.bottom()) + 1)
        return sum(image.pixelColor(x, y) != background for y in ys)

    assert filled(500) == 0
    assert filled(7000) == pytest.approx(4 * filled(3000), abs=4)
    assert filled(11_000) <= 2
    tips = [view.canvas.tooltip_at(QPointF(scale.x_of(at), box.center().y())) for at in (500, 7000)]
    assert tips == ["", "allocated: 40"]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_counter_columns_equal_a_slow_reference(count: int) -> None:
    random = np.random.default_rng(count)
    time_ns = np.sort(random.integers(0, 5000, count))
    series = CounterSeries(time_ns, random.normal(size=count))
    for edges in (np.linspace(-50, 5050, 4), np.linspace(100.3, 900.7, 300)):
        wanted = []
        for left, right in zip(np.floor(edges[:-1]), np.ceil(edges[1:]), strict=True):
            before = series.value[time_ns <= left][-1:]
            inside = series.value[(time_ns > left) & (time_ns < right)]
            both = np.append(before, inside)
            wanted.append(both.max() if len(both) else np.nan)
        assert series.columns(edges) == pytest.approx(np.array(wanted), nan_ok=True)


def test_a_devices_memory_is_drawn_below_its_streams(show_view: ShowView) -> None:
    profile = two_devices()
    strings = [*profile.strings, "cuda:1", "cpu"]
    cuda, cpu = len(strings) - 2, len(strings) - 1
    counters = MemoryCounters.from_rows(
        [(0, cpu, 1024, -1), (0, cuda, 0, -1), (4 * MS, cuda, 3 * 1024**2, 4 * 1024**2)]
    )
    profile = replace(
        profile,
        strings=type(profile.strings)(strings),
        memory=replace(profile.memory, counters=counters),
    )
    view, context = show_view("timeline", profile)
    view.resize(900, 800)
    context.time_axis.show(0, 10 * MS)
    titles = {band.title: band for band in view.scene.bands}
    assert titles["memory of cpu"].group == "python"
    band = titles["memory of cuda:1"]
    assert view.scene.bands[-1] == band
    assert view.scene.bands[-2].kind is BandKind.BUSY
    y = view.scene.lanes_box(band, view.canvas.width()).center().y()
    scale = view.scene.scale(view.canvas.width())
    tips = [view.canvas.tooltip_at(QPointF(scale.x_of(at * MS), y)) for at in (2, 6)]
    assert tips == ["memory of cuda:1: 0 B", "memory of cuda:1: 3 MiB"]
    assert {action.text() for action in view.labels.menu_of(band).actions()} >= {"Unfold all"}
    view.scene.tracks.filter("memory cuda")
    assert [band.title for band in view.scene.bands] == ["GPU 1", "memory of cuda:1"]
    view.scene.tracks.filter("stream 7")
    assert "memory of cuda:1" not in [band.title for band in view.scene.bands]


def test_memory_of_a_rank_is_drawn_in_its_own_group(show_view: ShowView) -> None:
    parts = []
    for rank in range(2):
        profile = two_devices()
        strings = type(profile.strings)([*profile.strings, "cpu", "cuda:1"])
        rows = [(0, len(strings) - 2, 1024, -1), (0, len(strings) - 1, 2048, -1)]
        memory = replace(profile.memory, counters=MemoryCounters.from_rows(rows))
        parts.append(RankPart(replace(profile, strings=strings, memory=memory), rank))
    view, _ = show_view("timeline", join_ranks(parts))
    groups = {
        band.title: band.group for band in view.scene.bands if band.title.startswith("memory of")
    }
    for rank in range(2):
        assert groups[f"memory of cpu, rank {rank}"].startswith(f"rank {rank} · python")
        assert groups[f"memory of cuda:1, rank {rank}"].startswith(f"rank {rank} · GPU 1")


def test_memory_of_a_host_is_drawn_in_its_own_group(show_view: ShowView) -> None:
    pool = StringPool()
    trace = TraceBuilder(pool)
    for host in range(2):
        track = trace.track("python", TrackKind.THREAD, f"worker {host}: CPU", rank=host)
        trace.slice(track, 0, MS, "step")
    rows = [(0, pool.add(f"worker {host}: cpu"), 1024, -1) for host in range(2)]
    built, _ = trace.build()
    profile = Profile("two hosts", pool.table(), built)
    memory = replace(profile.memory, counters=MemoryCounters.from_rows(rows))
    view, _ = show_view("timeline", replace(profile, memory=memory))
    groups = [(band.title, band.group) for band in view.scene.bands if "memory" in band.title]
    assert [title for title, _ in groups] == ["memory of worker 0: cpu", "memory of worker 1: cpu"]
    for host, (_, group) in enumerate(groups):
        assert group.endswith(f"worker {host}: CPU")
