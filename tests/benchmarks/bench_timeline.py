"""Print what a timeline costs: ``python -m tests.benchmarks.bench_timeline [SLICES or TRACE]``."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from profilers.opening import open_path
from profilers.profile import Counters, Flows, JsonText, Profile, Slices, StringPool, Trace, Tracks

TRACKS, DEPTHS, NAMES = 40, 4, 300


def large_profile(count: int) -> Profile:
    """`count` slices on 40 tracks, four deep, with random lengths and gaps."""
    random = np.random.default_rng(0)
    pool = StringPool([f"aten::operator_{name}" for name in range(NAMES)])
    roots = count // (TRACKS * DEPTHS)
    one_depth = []
    gaps = random.integers(0, 4000, (TRACKS, roots))
    lengths = random.integers(200, 6000, (TRACKS, roots))
    starts = np.cumsum(gaps + lengths, axis=1) - lengths
    for depth in range(DEPTHS):
        one_depth.append((starts + 20 * depth, lengths - 40 * depth))
    start = np.stack([each[0] for each in one_depth], axis=-1).ravel()
    duration = np.stack([each[1] for each in one_depth], axis=-1).ravel()
    rows = len(start)
    depth = np.tile(np.arange(DEPTHS), rows // DEPTHS)
    none = np.full(rows, -1)
    slices = Slices.of(
        start_ns=start,
        duration_ns=duration,
        name=random.integers(0, NAMES, rows),
        category=none,
        kind=np.ones(rows),
        track=np.repeat(np.arange(TRACKS), rows // TRACKS),
        depth=depth,
        parent=np.where(depth > 0, np.arange(rows) - 1, -1),
        correlation=none,
        step=none,
        node=none,
        group=none,
    )
    tracks = Tracks.from_rows(
        (pool.add(f"thread {track}"), 0, pool.add("host"), -1, 0, track) for track in range(TRACKS)
    )
    trace = Trace(slices, tracks, Flows.empty(), Counters.empty(), JsonText.blank(rows))
    return Profile("large", pool.table(), trace)


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QPointF
    from PySide6.QtWidgets import QApplication

    from profilers import compiled
    from views.axes import TimeAxis, ValueAxis
    from views.context import ViewContext
    from views.selection import Selection
    from views.theme import LIGHT
    from views.timeline import TimelineView
    from views.timeline.range_table import SumBy
    from views.timeline.search import NameIndex

    compiled.compile_now()
    app = QApplication([])
    profile = _profile(sys.argv[1] if len(sys.argv) > 1 else "10000000")
    slices = profile.trace.slices
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    context.time_axis.take_extent(0, int((slices.start_ns + slices.duration_ns).max()))
    context.time_axis.fit()
    began = time.perf_counter()
    view = TimelineView(context)
    index_ms = _ms(began)
    view.resize(1600 + view.labels.width(), 1000 + view.ruler.height() + 160)
    view.show()
    app.processEvents()
    size = f"{view.canvas.width()}x{view.canvas.height()}"
    print(f"{len(slices):,} slices in {len(view.scene.lanes)} lanes, drawn at {size}")
    _print("index (goal: 1 s for 10 million)", [index_ms])
    _print("index and first frame", [_ms(began)])
    axis = context.time_axis
    full_ns = axis.end_ns
    for share in (1.0, 0.2, 0.01, 1e-3, 1e-5):
        axis.show(0.3 * full_ns, (0.3 + share) * full_ns)
        _print(f"frame at zoom {share:g}", _times(lambda: view.canvas.grab()))
    session = [_timed(lambda: view.canvas.grab()) for _ in _journey(axis.show, full_ns)]
    _print("frames of a journey (goal: 95 % within 8 ms)", session)
    _print(
        "pick under the mouse (goal: 0.1 ms)",
        _times(lambda: view.canvas.slice_at(QPointF(700, 30))),
    )
    picks = iter(range(1000, 100_000, 1000))
    _print("select a slice", _times(lambda: context.selection.pick_slice(next(picks))))
    begin, end = int(0.1 * full_ns), int(0.9 * full_ns)
    table = view.details._table
    for by in SumBy:
        table.sums(by, begin, end)
        _print(
            f"sums of a range by {by.value} (goal: 50 ms)",
            _times(lambda by=by: table.sums(by, begin, end)),
        )
    names = NameIndex(profile)
    _print("search names (goal: 50 ms)", _times(lambda: names.count(names.matching("operator_12"))))
    _print(
        "slices of a found name in order",
        _times(lambda: names.rows(names.matching("operator_120"))),
    )


def _profile(source: str) -> Profile:
    """So many made-up slices, or the trace file of that name."""
    if source.isdecimal():
        return large_profile(int(source))
    opened = open_path(Path(source))
    assert isinstance(opened, Profile)
    return opened


def _journey(show: Callable[[float, float], None], full_ns: float) -> Iterator[None]:
    """A person zooms in at some place, looks around, and zooms out again, ten times."""
    random = np.random.default_rng(0)
    for _ in range(10):
        middle, span = random.uniform(0.2, 0.8) * full_ns, full_ns
        for _ in range(20):
            span /= 1.6
            show(middle - span / 2, middle + span / 2)
            yield
        for _ in range(10):
            middle += 0.1 * span
            show(middle - span / 2, middle + span / 2)
            yield
        for _ in range(20):
            span *= 1.6
            show(middle - span / 2, middle + span / 2)
            yield


def _times(work: Callable[[], object]) -> list[float]:
    return [_timed(work) for _ in range(15)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return _ms(began)


def _ms(began: float) -> float:
    return 1e3 * (time.perf_counter() - began)


def _print(what: str, times_ms: list[float]) -> None:
    median, high = np.median(times_ms), np.percentile(times_ms, 95)
    print(f"  {what:<46}{median:9.3f} ms, 95 % within {high:9.3f} ms", flush=True)


if __name__ == "__main__":
    main()
