"""Print how long graphs take to show, fold and find in: ``python -m tests.benchmarks.bench_graph``.

Goals: 100,000 nodes on screen within 1 s of the graph being read; fold or unfold within 50 ms; a
flat graph of 10,000 nodes laid out within 1 s; 95 % of frames within 8 ms while 10,000 nodes are in
sight. Frames are drawn by software into a 1600 x 1000 window that is off screen.
"""

import os
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication

from profilers import compiled
from profilers.profile import Profile
from tests.views.graph_samples import chain_profile, encoder_profile
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.graph import prepared
from views.graph.view import GraphView
from views.selection import Selection
from views.theme import LIGHT

_FRAMES = 120
_IDLE_S = 0.0002


def milliseconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begin)


def wait(view: GraphView) -> None:
    """As an event loop does: idle in between, so that the thread that lays out is not held up."""
    while not view.is_settled():
        QApplication.processEvents()
        time.sleep(_IDLE_S)


def shown_view(profile: Profile) -> GraphView:
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    view = GraphView(context)
    view.resize(1600, 1000)
    view.show()
    while not view.canvas.is_settled():
        QApplication.processEvents()
        time.sleep(_IDLE_S)
    view.canvas.grab()
    return view


def told(name: str, figure: float, goal: float | None = None) -> None:
    beside = f"   goal {goal:,.0f}" if goal else ""
    print(f"  {name:<44}{figure:9.1f} ms{beside}")


def show_fold_and_find(profile: Profile) -> None:
    """From the graph in memory to the first picture, then folding."""
    print(f"{profile.name}: {len(profile.authored.nodes):,} nodes")
    preparing = milliseconds(lambda: prepared.prepare(profile))
    views: list[GraphView] = []
    showing = milliseconds(lambda: views.append(shown_view(profile)))
    view, canvas = views[0], views[0].canvas
    told("prepared in the background", preparing)
    told("first picture after the graph is read", preparing + showing, 1000)
    told("names indexed after that", milliseconds(lambda: wait(view)))
    tree = view._model.hierarchy.tree
    largest = max(tree.containers.tolist(), key=tree.child_count)
    around = frozenset(view._model.hierarchy.ancestors(largest))
    canvas.set_opened(canvas.opened - {largest} | around)
    wait(view)
    for name in ("unfold", "fold", "unfold again"):
        figure = milliseconds(lambda: (canvas.toggle(largest), wait(view), canvas.grab()))
        told(f"{name} a box of {tree.child_count(largest):,}", figure, 50)
    fold_one_of_many(view)
    view.close()


def fold_one_of_many(view: GraphView) -> None:
    """One box, while up to 20,000 others are shown."""
    figure = milliseconds(lambda: (view.unfold_all(), wait(view)))
    shown = int((~view.canvas.scene.boxes.is_open).sum())
    told(f"unfold all, up to {shown:,} boxes", figure)
    tree = view._model.hierarchy.tree
    candidates = [each for each in view.canvas.opened if int(tree.depth[each]) > 1]
    for name in ("fold", "unfold") if candidates else ():
        figure = milliseconds(lambda: (view.canvas.toggle(candidates[0]), wait(view)))
        told(f"{name} one of them", figure, 50)


def frames(profile: Profile) -> None:
    """A journey: all in sight, then panning and zooming until texts can be read, and back."""
    view = shown_view(profile)
    canvas = view.canvas
    wait(view)
    view.unfold_all()
    wait(view)
    canvas.fit()
    boxes = int((~canvas.scene.boxes.is_open).sum())
    for name, steps in (
        (
            "all in sight, panning",
            [lambda: canvas.pan(0.01, 0.01), lambda: canvas.pan(-0.01, -0.01)],
        ),
        ("zooming in", [lambda: canvas.zoom(1.08)]),
        ("panning where texts can be read", [lambda: canvas.pan(0, 0.05)]),
        ("zooming out", [lambda: canvas.zoom(1 / 1.08)]),
    ):
        figures = []
        for number in range(_FRAMES):
            steps[number % len(steps)]()
            figures.append(milliseconds(canvas.grab))
        low, high = np.percentile(figures, (50, 95))
        print(
            f"  {boxes:,} boxes, {name:<34}{low:7.1f} ms median, 95 % within {high:5.1f}   goal 8"
        )
    view.close()


def flat(length: int) -> None:
    profile = chain_profile(length)
    print(f"flat graph: {len(profile.authored.nodes):,} nodes without any scope")
    prepared.prepare(profile)
    told("laid out and drawn", milliseconds(lambda: shown_view(profile).close()), 1000)
    frames(profile)


if __name__ == "__main__":
    application = QApplication([])
    compiled.compile_now()
    shown_view(encoder_profile(1)).close()  # imports and fonts
    for layers in (12, 625, 6250):
        show_fold_and_find(encoder_profile(layers))
    print("10,000 nodes in sight")
    frames(encoder_profile(625))
    flat(7000)
