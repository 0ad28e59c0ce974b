"""Widgets that draw a Profile and report what the person picked.

A view is a QWidget built as ``View(context: ViewContext, parent=None)``. It reads the profile, draws
with the theme's colours, follows ``context.selection.changed`` and picks through
``context.selection``. It knows no file, no framework and no worker. A view that computes in the
background offers ``is_settled() -> bool`` and drops the work when it is destroyed. One in which
things can be found offers ``open_finder()``; ``keys_go_to`` is the part that a key gives the focus.

Adding a view is one module (or folder) and one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from profilers.analysis.peaks import peak_of
from profilers.profile import Profile, TrackKind
from views.preparing import (
    prepare_devices,
    prepare_graph,
    prepare_memory,
    prepare_operators,
    prepare_summary,
    prepare_timeline,
)

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from views.context import ViewContext


@dataclass(frozen=True)
class ViewSpec:
    """`module` is imported when the view is first wanted.

    `is_blank` tells whether the view has but a sentence to say about a profile. `prepare` computes
    what the view asks for first, and can be called in any thread.
    """

    id: str
    title: str
    module: str
    widget: str
    is_blank: Callable[[Profile], bool] = lambda profile: False
    prepare: Callable[[Profile], object] = lambda profile: None

    @property
    def heading(self) -> str:
        """The title in the person's language."""
        return QCoreApplication.translate("Views", self.title)

    def make_ready(self, profile: Profile) -> None:
        """All that takes long before `create`; can be called in any thread."""
        import_module(self.module)
        self.prepare(profile)

    def create(self, context: "ViewContext", parent: "QWidget | None" = None) -> "QWidget":
        widget: QWidget = getattr(import_module(self.module), self.widget)(context, parent)
        return widget


def _no_graph(profile: Profile) -> bool:
    return not len(profile.authored.nodes)


def _no_fusion(profile: Profile) -> bool:
    return not len(profile.fusion.groups) and not len(profile.fusion.breaks)


def _no_memory(profile: Profile) -> bool:
    return not len(profile.memory.allocations)


def _no_trace(profile: Profile) -> bool:
    return not len(profile.trace.slices) and not len(profile.trace.counters)


def _no_table(profile: Profile) -> bool:
    return not len(profile.trace.slices) and not len(profile.authored.parameters)


def _no_device(profile: Profile) -> bool:
    return not bool((profile.trace.tracks.kind == TrackKind.STREAM).any())


def _no_roof(profile: Profile) -> bool:
    return peak_of(profile) is None or not len(profile.authored.nodes)


def _no_report(profile: Profile) -> bool:
    return not profile.reports


VIEWS: tuple[ViewSpec, ...] = (
    ViewSpec("summary", "Summary", "views.summary", "SummaryView", prepare=prepare_summary),
    ViewSpec("graph", "Graph", "views.graph.view", "GraphView", _no_graph, prepare_graph),
    ViewSpec("fusion", "Fusion", "views.fusion", "FusionView", _no_fusion),
    ViewSpec("memory", "Memory", "views.memory", "MemoryView", _no_memory, prepare_memory),
    ViewSpec("timeline", "Timeline", "views.timeline", "TimelineView", _no_trace, prepare_timeline),
    ViewSpec("devices", "Devices", "views.devices", "DevicesView", _no_device, prepare_devices),
    ViewSpec(
        "operators", "Operators", "views.operators", "OperatorsView", _no_table, prepare_operators
    ),
    ViewSpec("roofline", "Roofline", "views.roofline", "RooflineView", _no_roof),
    ViewSpec("xprof", "XProf", "views.xprof", "XprofView", _no_report),
)
