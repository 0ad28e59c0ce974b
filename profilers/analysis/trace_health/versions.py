"""Words of newer or other profilers that this version does not know."""

import re
from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import SCHEMA_FACT, Diagnostic, Severity, SliceKind

_DEVICE_WORDS = re.compile(r"kernel|memcpy|memset|runtime|driver", re.IGNORECASE)
_MOST_NAMED = 3
_KNOWN_SCHEMA = 1


def unknown_device_work(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Slices of no known kind on a device's row, or whose category speaks of a device."""
    strings, slices = facts.profile.strings, facts.slices
    rows = np.flatnonzero(facts.of_kind(SliceKind.OTHER) & (slices.category >= 0))
    counts = np.bincount(slices.category[rows], minlength=len(strings))
    on_device = np.zeros(len(strings), np.bool_)
    on_device[slices.category[rows[facts.on_stream[rows]]]] = True
    unknown = [
        category
        for category in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        if strings[category] and (on_device[category] or _DEVICE_WORDS.search(strings[category]))
    ]
    if unknown:
        names = ", ".join(strings[category] for category in unknown[:_MOST_NAMED])
        yield Diagnostic(
            Severity.WARNING,
            f"Slices of device categories that this version does not know ({names}) count neither "
            "as kernels and copies nor as launches: sums of device time may be too low.",
            "A newer version may know them; the timeline shows them all the same.",
            int(counts[unknown].sum()),
        )


def newer_schema(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Kineto has written version 1 of its layout since 2020."""
    told = facts.profile.environment.facts.get(SCHEMA_FACT, "")
    if told.isdecimal() and int(told[:9]) > _KNOWN_SCHEMA:
        yield Diagnostic(
            Severity.WARNING,
            f"The file's layout is version {told[:9]}; this version of Twinscope knows "
            f"{_KNOWN_SCHEMA}. What is new in it may be missing or misread.",
            "A newer version of Twinscope may know it.",
        )
