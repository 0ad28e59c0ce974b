"""Print how long graphs take to lay out and to draw: ``python -m tests.benchmarks.bench_graph``.

Each graph is laid out as first shown, with one box more unfolded, and all unfolded; then again, so
that what was laid out before is known. Frames are drawn off screen into a 1600 x 1000 widget.
"""

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from profilers.profile import Profile
from tests.views.graph_samples import chain_profile, encoder_profile
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.graph import GraphView
from views.graph.hierarchy import ROOT
from views.graph.model import StageModel
from views.graph.scene import SceneBuilder
from views.selection import Selection
from views.theme import LIGHT

_FRAMES = 20


def milliseconds(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begin)


def layout_figures(profile: Profile) -> dict[str, float]:
    model = StageModel(profile, 0, QFont())
    hierarchy = model.hierarchy
    builder = SceneBuilder(hierarchy, model.size_of)
    first = hierarchy.first_opened()
    everything = frozenset(item for item in hierarchy.children if item != ROOT)
    more = first | set(sorted(everything - first)[:1])
    return {
        "first": milliseconds(lambda: builder.build(first)),
        "one more": milliseconds(lambda: builder.build(more)),
        "all": milliseconds(lambda: builder.build(everything)),
        "all again": milliseconds(lambda: builder.build(everything)),
    }


def frame_ms(profile: Profile, *, fitted: bool) -> float:
    """Median time of a frame: all of the first scene, or its readable top."""
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    view = GraphView(context)
    view.resize(1600, 1000)
    view.show()
    while not view.is_settled():
        QApplication.processEvents()
    if fitted:
        view.canvas.fit()
    view.canvas.grab()
    frames = [milliseconds(view.canvas.grab) for _ in range(_FRAMES)]
    view.close()
    return statistics.median(frames)


if __name__ == "__main__":
    application = QApplication([])
    for profile in (encoder_profile(12), encoder_profile(600), chain_profile(1500)):
        nodes = len(profile.authored.nodes)
        figures = layout_figures(profile)
        figures["frame"] = frame_ms(profile, fitted=False)
        figures["frame, fitted"] = frame_ms(profile, fitted=True)
        print(f"{profile.name}, {nodes:,} nodes")
        for name, value in figures.items():
            print(f"  {name:<16}{value:8.1f} ms")
