"""Fills of memory's categories and of other groups, alike in all parts of the view."""

from PySide6.QtGui import QColor

from profilers.analysis.memory.groups import STACKED, GroupBy
from profilers.profile import MemoryCategory
from views.theme import Theme

_HUES = {
    MemoryCategory.PARAMETER: 212,
    MemoryCategory.INPUT: 140,
    MemoryCategory.ACTIVATION: 32,
    MemoryCategory.GRADIENT: 340,
    MemoryCategory.OPTIMISER_STATE: 265,
    MemoryCategory.TEMPORARY: 52,
    MemoryCategory.GATHERED_PARAMETER: 190,
    MemoryCategory.UNKNOWN: 95,
}
_WHEEL = (212, 32, 140, 340, 265, 52, 190, 12, 100, 300)


def category_colour(theme: Theme, category: int) -> QColor:
    return theme.hue_colour(_HUES[MemoryCategory(category)])


def group_colour(theme: Theme, by: GroupBy, group: int) -> QColor:
    """Of a number in `block_groups`."""
    if by == GroupBy.CATEGORY:
        return category_colour(theme, STACKED[group])
    return theme.hue_colour(_WHEEL[group % len(_WHEEL)])
