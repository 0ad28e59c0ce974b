"""What a memory snapshot says in words: how reserved memory is used at the end, and what is odd."""

from collections import Counter
from typing import Any, Protocol

import numpy as np

from profilers.profile import Diagnostic, Severity
from profilers.traces.allocator_events import Action, AllocatorEvents
from profilers.traces.allocator_replay import Blocks, HeldBlock, Segment
from profilers.traces.allocator_stacks import clean_text
from profilers.units import format_bytes, format_percent

_TOLD_FAILURES = 5
_ROUND_COUNT = 1000  # who bounds a recording does so in thousands


class Reported(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def events(self) -> AllocatorEvents: ...
    @property
    def segments(self) -> list[Segment]: ...
    @property
    def blocks(self) -> Blocks: ...


def usage_facts(device: Reported) -> dict[str, str]:
    """Reserved memory of one device at the end: used, unused, lost to rounding."""
    reserved = sum(segment.bytes for segment in device.segments)
    if not reserved:
        return {}
    blocks = [block for segment in device.segments for block in segment.blocks]
    used, unused = [each for each in blocks if each.in_use], _unused(device)
    waiting = sum(each.bytes for each in blocks if each.waiting)
    rounding = sum(each.bytes - each.requested_bytes for each in used)
    expandable = sum(segment.is_expandable for segment in device.segments)
    facts = {
        f"Reserved on {device.name}": f"{format_bytes(reserved)} in {len(device.segments)} segments"
        + (f", {expandable} of them expandable" if expandable else ""),
        f"In use on {device.name}": (
            f"{format_bytes(sum(each.bytes for each in used))} in {len(used)} blocks, "
            f"{format_bytes(rounding)} of it lost to rounding"
        ),
        f"Unused on {device.name}": (
            f"{format_bytes(sum(unused))} ({format_percent(sum(unused) / reserved)}) in "
            f"{len(unused)} blocks, the largest {format_bytes(max(unused, default=0))}"
        ),
    }
    if waiting:
        facts[f"Waiting for other streams on {device.name}"] = format_bytes(waiting)
    return facts


def settings_facts(settings: Any) -> dict[str, str]:
    """What the allocator was told by PYTORCH_CUDA_ALLOC_CONF, where that was kept."""
    told = settings.get("PYTORCH_CUDA_ALLOC_CONF") if isinstance(settings, dict) else None
    return {"Allocator settings": clean_text(told)} if isinstance(told, str) and told else {}


def flaw_notes(flaws: Counter[str]) -> list[Diagnostic]:
    return [
        Diagnostic(Severity.WARNING, f"{flaw[0].upper()}{flaw[1:]}.", count=count)
        for flaw, count in flaws.items()
    ]


def device_notes(device: Reported) -> list[Diagnostic]:
    """Where memory ran out, and what happened before the recording."""
    notes = _failure_notes(device)
    unseen = int((device.blocks.event < 0).sum())
    if not unseen:
        return notes
    count = len(device.events)
    if count and count % _ROUND_COUNT == 0:
        notes.append(Diagnostic(
            Severity.WARNING,
            f"The recording on {device.name} has exactly {count:,} events and begins amid others: "
            "it was probably full, and each further event replaced the oldest.",
            "A larger max_entries of torch.cuda.memory._record_memory_history() keeps more.",
        ))  # fmt: skip
    notes.append(Diagnostic(
        Severity.INFO,
        f"Blocks on {device.name} were allocated before the recording begins; they have no "
        "call stack.",
        "A larger max_entries, or an earlier start of the recording, would show them.",
        unseen,
    ))  # fmt: skip
    return notes


def _failure_notes(device: Reported) -> list[Diagnostic]:
    events, unused = device.events, _unused(device)
    failures = np.flatnonzero(events.action == Action.OUT_OF_MEMORY).tolist()
    notes = []
    for row in failures[:_TOLD_FAILURES]:
        asked, free = int(events.bytes[row]), int(events.free_bytes[row])
        left = f", {format_bytes(free)} were left" if free >= 0 else ""
        remedy = "The timeline shows when, and the call stack who asked."
        if sum(unused) >= asked > max(unused, default=0):
            remedy += (
                f" At the end {format_bytes(sum(unused))} are reserved and unused, the largest "
                f"piece {format_bytes(max(unused))}: expandable_segments:True may help."
            )
        notes.append(Diagnostic(
            Severity.WARNING,
            f"Memory ran out on {device.name}: {format_bytes(asked)} were asked for{left}.",
            remedy,
        ))  # fmt: skip
    more = len(failures) - len(notes)
    if more:
        notes.append(
            Diagnostic(
                Severity.WARNING, f"Memory ran out again on {device.name}.", notes[0].remedy, more
            )
        )
    return notes


def _unused(device: Reported) -> list[int]:
    blocks: list[HeldBlock] = [each for segment in device.segments for each in segment.blocks]
    return [each.bytes for each in blocks if not each.in_use]
