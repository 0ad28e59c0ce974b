"""Ranges of the user's own code in a memory snapshot: their begins and ends paired, as slices."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from profilers.profile import SliceKind, Slices, Steps, StringPool
from profilers.profile.table import Int32, Int64
from profilers.traces.allocator_events import Mark
from profilers.traces.kineto import STEP_NAME
from profilers.traces.nesting import nest, slice_order


class Annotation(NamedTuple):
    device: int
    start_us: int
    end_us: int
    name: str


def pair(
    marks: Sequence[Mark], begin_us: int, end_us: int, flaws: Counter[str]
) -> list[Annotation]:
    """Each end closes the latest open begin of its name on its device.

    What is still open lasts to `end_us`; what began earlier than the recording starts at `begin_us`.
    """
    found: list[Annotation] = []
    open_since: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for mark in sorted(marks, key=lambda each: each.time_us):
        started = open_since[mark.device, mark.name]
        if mark.begins:
            started.append(mark.time_us)
            continue
        if not started:
            flaws["annotations have no beginning; they are drawn from the recording's"] += 1
        start_us = started.pop() if started else min(begin_us, mark.time_us)
        found.append(Annotation(mark.device, start_us, mark.time_us, mark.name))
    for (device, name), started in open_since.items():
        for start_us in started:
            flaws["annotations have no end; they are drawn to the recording's"] += 1
            found.append(Annotation(device, start_us, max(end_us, start_us), name))
    return found


def annotation_slices(
    annotations: Sequence[Annotation],
    track_of: dict[int, int],
    first_row: int,
    begin_us: int,
    pool: StringPool,
) -> Slices:
    """Slices of the annotations on the devices that have a track; rows count from `first_row`."""
    rows = np.array(
        [
            (track_of[each.device], each.start_us, each.end_us, pool.add(each.name), kind_of(each))
            for each in annotations
            if each.device in track_of
        ],
        np.int64,
    ).reshape(-1, 5)
    start_ns, duration_ns = (rows[:, 1] - begin_us) * 1000, (rows[:, 2] - rows[:, 1]) * 1000
    order = slice_order(rows[:, 0].astype(np.int32), start_ns, duration_ns)
    track, start_ns, duration_ns = rows[order, 0], start_ns[order], duration_ns[order]
    depth, parent = nest(track.astype(np.int32), start_ns, duration_ns)
    none = np.full(len(rows), -1, np.int32)
    return Slices.of(
        start_ns=start_ns,
        duration_ns=duration_ns,
        name=rows[order, 3],
        category=np.full(len(rows), pool.add("annotation"), np.int32),
        kind=rows[order, 4],
        track=track,
        depth=depth,
        parent=np.where(parent >= 0, parent + first_row, -1),
        correlation=none,
        step=none,
        node=none,
        group=none,
    )


def kind_of(annotation: Annotation) -> SliceKind:
    return SliceKind.STEP if STEP_NAME.search(annotation.name) else SliceKind.ANNOTATION


def steps_of(annotations: Sequence[Annotation], begin_us: int) -> Steps:
    """Steps of the profiler; every device tells the same ones, the first device is asked."""
    found = [
        (each, int(match[1][:9]))
        for each in annotations
        if (match := STEP_NAME.search(each.name)) is not None
    ]
    first = min((each.device for each, _ in found), default=0)
    rows = {
        ((each.start_us - begin_us) * 1000, (each.end_us - each.start_us) * 1000, number)
        for each, number in found
        if each.device == first
    }
    return Steps.from_rows(sorted(rows))


def step_at(steps: Steps, time_ns: Int64) -> Int32:
    """The step that each moment lies in, -1 for none."""
    if not len(steps):
        return np.full(len(time_ns), -1, np.int32)
    step = np.searchsorted(steps.start_ns, time_ns, "right") - 1
    is_within = (step >= 0) & (time_ns < (steps.start_ns + steps.duration_ns)[step])
    return np.where(is_within, step, -1).astype(np.int32)
