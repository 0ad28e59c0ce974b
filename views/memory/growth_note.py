"""A sentence about memory that grows from step to step."""

import html

from PySide6.QtCore import QCoreApplication

from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.memory.owners import owner_names
from profilers.profile import Profile
from profilers.units import format_bytes

_TOLD = 3


def growth_note(profile: Profile, device: int) -> str:
    """Rich text with the largest places that keep memory; "" where nothing grows."""
    growth = memory_growth(profile, device)
    if not growth.bytes_per_step:
        return ""
    steps = len(growth.end_bytes)
    text = _tr("<b>Grows by {} per step</b> over {} steps").format(
        format_bytes(growth.bytes_per_step), steps
    )
    places = [
        f"{html.escape(name or _tr('(not known)'))} ({format_bytes(int(size))})"
        for name, size in zip(
            owner_names(profile, growth.places[:_TOLD]),
            growth.place_bytes_per_step[:_TOLD],
            strict=True,
        )
    ]
    if not places:
        return f"⚠ {text}"
    more = len(growth.places) - len(places)
    tail = _tr(" and {} more places").format(more) if more > 0 else ""
    return f"⚠ {text}: {', '.join(places)}{tail}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryView", text)
