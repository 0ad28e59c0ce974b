"""What a person should know about an XSpace: what is missing, and what was repaired or left out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from profilers.errors import TwinscopeError
from profilers.profile import Diagnostic, Severity
from profilers.traces.xplane_proto import plane_texts

BEYOND_CLOCKS = "beyond any clock"
UNKNOWN_TYPE = "unknown type"
DAMAGED = "damaged"
NEGATIVE = "negative duration"
STEP_NUMBER = "step number"

_SENTENCES = {
    BEYOND_CLOCKS: "Events whose line begins more than 36 years from the others were left out.",
    UNKNOWN_TYPE: "Events have a type that the file does not describe; they are named by its number.",
    DAMAGED: "Events are damaged and were left out, or could not be read whole.",
    NEGATIVE: "Events have a negative duration; they are shown without length.",
    STEP_NUMBER: "Steps have a number that is no step number; they are drawn but not counted.",
}
_TRANSFER = "Copy or capture the file again; it must be transferred as binary."


def flaws_of(flaws: Counter[str], slices: int) -> Iterator[Diagnostic]:
    """One counted diagnostic for each kind of flaw."""
    for flaw, count in flaws.items():
        if count:
            remedy = _TRANSFER if flaw in (DAMAGED, UNKNOWN_TYPE) else ""
            yield Diagnostic(Severity.WARNING, _SENTENCES[flaw], remedy, count)
    if not slices:
        yield Diagnostic(Severity.WARNING, "The trace holds no events.")


def damaged_hosts(errors: Sequence[TwinscopeError], hosts: int) -> list[Diagnostic]:
    """Files of a session that could not be read; the others are shown."""
    if not errors:
        return []
    reasons = " ".join(str(error) for error in errors[:3])
    sentence = f"{len(errors)} of {hosts} hosts could not be read. {reasons}"
    return [Diagnostic(Severity.ERROR, sentence, _TRANSFER, len(errors))]


def told_by_profiler(spaces: Sequence[Any]) -> list[Diagnostic]:
    """Errors and warnings that the profiler wrote into the file, and events that it dropped."""
    told = [(Severity.ERROR, text) for space in spaces for text in space.errors]
    told += [(Severity.WARNING, text) for space in spaces for text in space.warnings]
    for plane in (plane for space in spaces for plane in space.planes):
        told += [
            (Severity.WARNING, f"The profiler dropped events of {plane.name}: {text}")
            for name, text in plane_texts(plane)
            if name == "dropped_traces"
        ]
    return [Diagnostic(severity, text) for severity, text in told]
