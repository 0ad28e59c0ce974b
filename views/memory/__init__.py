"""Memory over time with its peak, and what was alive at a moment."""

from views.memory.view import MemoryView

__all__ = ["MemoryView"]
