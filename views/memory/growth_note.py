"""A sentence about memory that grows from step to step."""

import html

from PySide6.QtCore import QCoreApplication

from profilers.analysis.memory_growth import memory_growth
from profilers.analysis.memory_owners import owner_names
from profilers.analysis.memory_sites import allocation_sites
from profilers.profile import Profile
from profilers.units import format_bytes

_TOLD = 3


def growth_note(profile: Profile, device: int) -> str:
    """Rich text with the largest places that keep memory; "" where nothing grows."""
    growth = memory_growth(profile, device)
    if not growth.bytes_per_step:
        return ""
    first = allocation_sites(profile).first[growth.sites[:_TOLD]]
    steps = len(growth.end_bytes)
    text = _tr("<b>Grows by {} per step</b> over {} steps").format(
        format_bytes(growth.bytes_per_step), steps
    )
    places = [
        f"{html.escape(name or _tr('(not known)'))} ({format_bytes(int(size))})"
        for name, size in zip(owner_names(profile, first), growth.site_bytes_per_step, strict=False)
    ]
    if not places:
        return f"⚠ {text}"
    more = len(growth.sites) - len(places)
    tail = _tr(" and {} more places").format(more) if more > 0 else ""
    return f"⚠ {text}: {', '.join(places)}{tail}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryView", text)
