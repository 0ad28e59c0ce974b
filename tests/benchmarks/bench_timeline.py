"""Print what a timeline of many slices costs: ``python -m tests.benchmarks.bench_timeline [slices]``."""

import os
import sys
import time
from collections.abc import Callable

import numpy as np

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

    from profilers import compiled

    compiled.compile_now()
    from PySide6.QtWidgets import QApplication

    from views.axes import TimeAxis, ValueAxis
    from views.context import ViewContext
    from views.selection import Selection
    from views.theme import LIGHT
    from views.timeline import TimelineView

    app = QApplication([])
    profile = large_profile(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    slices = profile.trace.slices
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    context.time_axis.include(0, int((slices.start_ns + slices.duration_ns).max()))
    began = time.perf_counter()
    view = TimelineView(context)
    view.resize(1600, 1100)
    view.show()
    app.processEvents()
    print(f"{len(slices):,} slices: open and first frame {_ms(began):.0f} ms")
    axis = context.time_axis
    full_ns = axis.end_ns
    for share in (1.0, 0.2, 0.01, 1e-3, 1e-5):
        axis.show(0.3 * full_ns, (0.3 + share) * full_ns)
        print(f"  frame at zoom {share:g}: {_median_ms(lambda: view.canvas.grab()):.1f} ms")
    print(f"  hit test {_median_ms(lambda: view.canvas.slice_at(QPointF(700, 30))):.3f} ms")
    picks = iter(range(1000, 100_000, 1000))
    print(f"  pick {_median_ms(lambda: context.selection.pick_slice(next(picks))):.1f} ms")
    print(f"  frame while picked {_median_ms(lambda: view.canvas.grab()):.1f} ms")
    begin, end = int(0.2 * full_ns), int(0.8 * full_ns)
    print(
        f"  range sums {_median_ms(lambda: context.selection.pick_time_range(begin, end)):.1f} ms"
    )


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(9):
        began = time.perf_counter()
        work()
        times.append(_ms(began))
    return float(np.median(times))


def _ms(began: float) -> float:
    return 1e3 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
