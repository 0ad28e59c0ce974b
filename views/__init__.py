"""Widgets that draw a Profile and report what the person picked.

A view is a QWidget built as ``View(context: ViewContext, parent=None)``. It reads the profile, draws
with the theme's colours, follows ``context.selection.changed`` and picks through
``context.selection``. It knows no file, no framework and no worker. A view that computes in the
background offers ``is_settled() -> bool`` and drops the work when it is destroyed.

Adding a view is one module (or folder) and one line here.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from views.context import ViewContext


@dataclass(frozen=True)
class ViewSpec:
    """`module` is imported when the view is first shown."""

    id: str
    title: str
    module: str
    widget: str

    def create(self, context: "ViewContext", parent: "QWidget | None" = None) -> "QWidget":
        widget: QWidget = getattr(import_module(self.module), self.widget)(context, parent)
        return widget


VIEWS: tuple[ViewSpec, ...] = (
    ViewSpec("summary", "Summary", "views.summary", "SummaryView"),
    ViewSpec("graph", "Graph", "views.graph", "GraphView"),
    ViewSpec("fusion", "Fusion", "views.fusion", "FusionView"),
    ViewSpec("memory", "Memory", "views.memory", "MemoryView"),
    ViewSpec("timeline", "Timeline", "views.timeline", "TimelineView"),
    ViewSpec("operators", "Operators", "views.operators", "OperatorsView"),
)
