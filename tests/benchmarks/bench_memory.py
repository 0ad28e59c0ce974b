"""Print how long memory takes to show, hover over and split: ``python -m tests.benchmarks.bench_memory``.

Goals, for 1,000,000 allocations: on screen within 1 s of the profile being read, a frame while
panning within 16 ms, what the pointer tells within 16 ms, another moment within 100 ms.
"""

import os
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication

from profilers.analysis.memory.groups import GroupBy
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCounters,
    Profile,
    Steps,
    StringPool,
)
from tests.sample import sample_profile
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.memory import MemoryView
from views.memory.moment import moment_text
from views.preparing import prepare_memory
from views.selection import Selection
from views.theme import LIGHT

_FRAMES = 60
_LENGTH_NS = 20_000_000_000


def milliseconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begin)


def told(name: str, figure: float, goal: float | None = None) -> None:
    beside = f"   goal {goal:,.0f}" if goal else ""
    print(f"  {name:<44}{figure:9.1f} ms{beside}")


def busy_profile(count: int) -> Profile:
    """The sample's graph and slices, with blocks of many sizes and lifetimes on one device."""
    sample = sample_profile(blocks=40)
    pool, random = StringPool(sample.strings), np.random.default_rng(0)
    begin = np.sort(random.integers(0, _LENGTH_NS, count))
    freed = begin + random.exponential(20e6, count).astype(np.int64) + 1
    freed[::97] = NEVER_NS
    allocations = Allocations.of(
        allocated_ns=begin,
        freed_ns=freed,
        bytes=512 * random.integers(1, 5000, count),
        device=np.full(count, pool.add("cuda:0")),
        category=random.integers(1, 7, count),
        slice=random.integers(0, len(sample.trace.slices), count),
        node=random.integers(-1, len(sample.authored.nodes), count),
        parameter=np.full(count, -1),
    )
    return Profile(
        f"{count:,} allocations",
        pool.table(),
        sample.trace,
        sample.graphs,
        memory=Memory("made for the benchmark", allocations, MemoryCounters.empty()),
        steps=Steps.from_rows([(at * 10**9, 10**9, at) for at in range(20)]),
    )


def shown_view(profile: Profile) -> tuple[MemoryView, ViewContext]:
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    context.time_axis.take_extent(0, _LENGTH_NS)
    context.time_axis.fit()
    view = MemoryView(context)
    view.resize(800, 340)
    view.show()
    QApplication.processEvents()
    view.grab()
    return view, context


def figures(count: int) -> None:
    profile = busy_profile(count)
    print(profile.name)
    preparing = milliseconds(lambda: prepare_memory(profile))
    views: list[tuple[MemoryView, ViewContext]] = []
    showing = milliseconds(lambda: views.append(shown_view(profile)))
    view, context = views[0]
    told("prepared in the background", preparing)
    told("first picture after the profile is read", preparing + showing, 1000)
    axis, random = context.time_axis, np.random.default_rng(1)
    axis.zoom(2, _LENGTH_NS / 2)
    frames = [milliseconds(lambda: (axis.pan(0.01), view.chart.grab())) for _ in range(_FRAMES)]
    told("a frame while panning over half of all", float(np.percentile(frames, 95)), 16)
    stack, moments = view.stack, random.integers(0, _LENGTH_NS, _FRAMES)
    hovers = [milliseconds(lambda at=at: moment_text(profile, stack, at, 0)) for at in moments]
    told("what the pointer tells", float(np.percentile(hovers, 95)), 16)
    clicks = [milliseconds(lambda at=at: view.show_moment(int(at))) for at in moments[:10]]
    told("another moment", float(np.percentile(clicks, 95)), 100)
    for by in (GroupBy.MODULE, GroupBy.OPERATOR):
        at = view.grouping.findData(by)
        told(f"split by {by.value}", milliseconds(partial(view.grouping.setCurrentIndex, at)))
    view.charts.setCurrentWidget(view.lifetimes)
    told("a frame of lifetimes", milliseconds(view.lifetimes.grab))
    view.lists.setCurrentWidget(view.breakdown)
    told("breakdown of a moment", milliseconds(lambda: view.show_moment(int(moments[0]))))
    view.close()


if __name__ == "__main__":
    application = QApplication([])
    shown_view(busy_profile(100))[0].close()  # imports and fonts
    for size in (10_000, 100_000, 1_000_000):
        figures(size)
