"""The timeline: what ran when, on which thread and stream, linked to the graph."""

from views.timeline.view import TimelineView

__all__ = ["TimelineView"]
