"""Events of XPlanes as columns: what each one is, when it ran and on which track."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from profilers.compiled.limits import LONGEST_NS
from profilers.profile import SliceKind, TrackKind
from profilers.profile.table import Int64
from profilers.traces.xplane_batches import EventBatch, batches
from profilers.traces.xplane_columns import EventColumns, HostPlace, LinkPart, SlicePart
from profilers.traces.xplane_flaws import (
    BEYOND_CLOCKS,
    DAMAGED,
    NEGATIVE,
    STEP_NUMBER,
    UNKNOWN_TYPE,
)
from profilers.traces.xplane_kinds import (
    ALLOCATION,
    LineRole,
    PlaneKind,
    encloses_its_work,
    line_roles,
    plane_kind,
)
from profilers.traces.xplane_memory import MEMORY_STATS, MemoryCalls, memory_calls
from profilers.traces.xplane_types import MEMORY, EventTypes, PlaneTexts

PICOSECONDS_PER_NS = 1000
WALL_CLOCK_NS = 10**17  # times from here on (1973) count from 1970 and not from a profiler's start

LARGEST_STEP = 2**31 - 1

_CORRELATION_BITS = 40  # the ids of CUPTI and roctracer have 32
_THREAD_NUMBER = re.compile(r"/-?\d{6,}$")
_TRACK_KINDS = {LineRole.THREAD: TrackKind.THREAD, LineRole.STREAM: TrackKind.STREAM}
_LINKS = ("correlation_id", "step_num", "_p", "_pt", "_c", "_ct", "hlo_op", "tf_function_call")


def collect_plane(
    plane: Any, columns: EventColumns, host: HostPlace, on_events: Callable[[int], None]
) -> None:
    """Add every line of a plane that holds timed events.

    Parameters
    ----------
    on_events : callable
        Takes how many more events were read; may raise Cancelled.
    """
    if not any(line.events for line in plane.lines):
        return
    kind = plane_kind(plane.name)
    reader = _PlaneReader(plane, kind, columns, host)
    names = [line.display_name or line.name for line in plane.lines]
    for order, (line, role) in enumerate(zip(plane.lines, line_roles(kind, names), strict=True)):
        reader.read(line, role, order, on_events)


@dataclass
class _Line:
    """The line that is being read."""

    name: str
    role: LineRole
    order: int
    begin_ns: int
    track: int = -1  # until it has a slice
    memory: list[MemoryCalls] = field(default_factory=list)


class _PlaneReader:
    """One plane's events, with its metadata looked up once per event type."""

    def __init__(self, plane: Any, kind: PlaneKind, columns: EventColumns, host: HostPlace) -> None:
        self._kind, self._columns, self._host = kind, columns, host
        self._process = f"{host.name}: {kind.title}" if host.name else kind.title
        self._texts = PlaneTexts(plane, kind.device >= 0)
        self._types = EventTypes(plane, columns.pool, kind.device >= 0)
        self._links = {name: self._texts.stat_ids(name) for name in _LINKS}
        self._wanted = self._texts.stat_ids(*_LINKS, *MEMORY_STATS)
        self._hlo_types = self._types.having(self._links["hlo_op"])
        self._counters: dict[str, int] = {}

    def read(self, line: Any, role: LineRole, order: int, on_events: Callable[[int], None]) -> None:
        begin_ns = self._begin_ns(line.timestamp_ns)
        if begin_ns is None:
            self._columns.flaws[BEYOND_CLOCKS] += len(line.events)
            return
        name = line.display_name or line.name or f"line {line.id}"
        place = _Line(name, role, order, begin_ns)
        is_counter = role is LineRole.COUNTERS
        wanted = None if is_counter else self._wanted
        for batch in batches(line.events, wanted):
            types, missing = self._types.rows(batch.metadata)
            self._columns.flaws[UNKNOWN_TYPE] += missing
            self._columns.flaws[DAMAGED] += int((~batch.is_sound).sum())
            if is_counter:
                self._add_samples(batch, types, place)
            else:
                self._add_slices(batch, types, place)
            on_events(len(batch))
        self._columns.memory += [replace(part, track=place.track) for part in place.memory]

    def _begin_ns(self, timestamp_ns: int) -> int | None:
        """Where a line begins on the profile's clock, None if nowhere."""
        if timestamp_ns >= WALL_CLOCK_NS:
            begin = timestamp_ns - self._host.epoch_ns
        else:
            begin = timestamp_ns + self._host.shift_ns
        return begin if abs(begin) < LONGEST_NS else None

    def _add_slices(self, batch: EventBatch, types: Int64, line: _Line) -> None:
        columns, kinds = self._columns, self._types.kinds(types, line.role).astype(np.int64)
        start_ns, duration_ns = _times(batch, line.begin_ns)
        calls = np.flatnonzero(batch.is_sound & (kinds == MEMORY))
        self._add_memory(batch, types, start_ns, calls, line)
        is_slice = batch.is_sound & (kinds >= 0) & ~batch.is_aggregate
        rows = np.flatnonzero(is_slice)
        if not len(rows):
            return
        if line.track < 0:
            line.track = self._add_track(line)
        slice_of = np.cumsum(is_slice) + (columns.slice_count - 1)
        self._note_links(batch, is_slice, slice_of)
        correlation = self._linked(batch, kinds)
        if line.role is LineRole.STEPS:
            number = self._types.numbers(types[rows])
            self._note(columns.steps, slice_of[rows], np.full(len(rows), line.track), number)
        columns.flaws[NEGATIVE] += int((batch.duration_ps[rows] < 0).sum())
        columns.slices.append(
            SlicePart(
                line.track,
                start_ns[rows],
                duration_ns[rows],
                self._types.strings(types[rows]),
                kinds[rows].astype(np.int8),
                correlation[rows],
                columns.texts.count + rows,
            )
        )
        columns.slice_count += len(rows)
        columns.texts.add(batch, self._texts)

    def _add_memory(
        self, batch: EventBatch, types: Int64, start_ns: Int64, events: Int64, line: _Line
    ) -> None:
        if not len(events):
            return
        is_allocation = self._types.named(types[events], ALLOCATION)
        calls = memory_calls(
            batch, events, is_allocation, start_ns[events],
            self._texts, self._host.name, self._columns.memory_texts,
        )  # fmt: skip
        line.memory.append(calls)

    def _linked(self, batch: EventBatch, kinds: Int64) -> Int64:
        """Correlation ids; host events get the kinds that their stats tell, in `kinds`."""
        links, stats = self._links, batch.stats
        correlation = np.full(len(batch), -1, np.int64)
        called, ids = stats.integers(links["correlation_id"])
        correlation[called] = _apart_by_rank(ids, self._host.rank)
        if self._kind.device >= 0:
            return correlation
        computes = SliceKind.OPERATOR if self._columns.has_device else SliceKind.KERNEL
        of_hlo_type = np.flatnonzero(np.isin(batch.metadata, self._hlo_types))
        for events, kind in (
            (of_hlo_type, computes),
            (stats.having(links["hlo_op"]), computes),
            (stats.having(links["tf_function_call"]), SliceKind.SCOPE),
            (called, SliceKind.RUNTIME),
            (stats.integers(links["step_num"])[0], SliceKind.STEP),
        ):
            kinds[events[kinds[events] == SliceKind.OTHER]] = kind
        return correlation

    def _note_links(self, batch: EventBatch, is_slice: Any, slice_of: Int64) -> None:
        """Remember the ends of arrows, and the host's steps."""
        columns, links = self._columns, self._links
        for parts, type_name, id_name in (
            (columns.producers, "_pt", "_p"),
            (columns.consumers, "_ct", "_c"),
        ):
            types = np.zeros(len(batch), np.int64)
            events, values = batch.stats.integers(links[type_name])
            types[events] = values
            events, ids = batch.stats.integers(links[id_name])
            shown = is_slice[events]
            self._note(parts, slice_of[events[shown]], types[events[shown]], ids[shown])
        if self._kind.device < 0:
            events, numbers = batch.stats.integers(links["step_num"])
            events, numbers = events[is_slice[events]], numbers[is_slice[events]]
            is_number = (numbers >= 0) & (numbers <= LARGEST_STEP)
            columns.flaws[STEP_NUMBER] += int((~is_number).sum())
            events, numbers = events[is_number], numbers[is_number]
            self._note(columns.steps, slice_of[events], np.full(len(events), -1), numbers)

    def _note(self, parts: list[LinkPart], slices: Int64, types: Int64, ids: Int64) -> None:
        if len(slices):
            parts.append(LinkPart(self._host.rank, slices, types, ids))

    def _add_track(self, line: _Line) -> int:
        kind = _TRACK_KINDS.get(line.role, TrackKind.OTHER)
        name = line.name
        if _THREAD_NUMBER.search(name):
            name = f"{_THREAD_NUMBER.sub('', name)} #{line.order}"
        track = self._new_track(name, kind, line.order)
        if encloses_its_work(self._kind, line.name):
            self._columns.enclosing_tracks.append(track)
        return track

    def _new_track(self, name: str, kind: TrackKind, order: int) -> int:
        return self._columns.add_track(
            name, kind, self._process, self._kind.device, self._host.rank, order
        )

    def _add_samples(self, batch: EventBatch, types: Int64, line: _Line) -> None:
        """A track for each counter; an event holds one number."""
        time_ns, _ = _times(batch, line.begin_ns)
        events, values = batch.stats.numbers()
        is_number = np.isfinite(values) & batch.is_sound[events]
        events, values = events[is_number], values[is_number]
        if not len(events):
            return
        order = np.argsort(types[events], kind="stable")
        events, values = events[order], values[order]
        rows, first = np.unique(types[events], return_index=True)
        for row, begin, end in zip(rows.tolist(), first, [*first[1:], len(events)], strict=True):
            name = self._types.name(row)
            if name not in self._counters:
                self._counters[name] = self._new_track(name, TrackKind.COUNTER, line.order)
            here = slice(begin, end)
            self._columns.samples.append(
                (self._counters[name], time_ns[events[here]], values[here])
            )


def _apart_by_rank(correlation: Int64, rank: int) -> Int64:
    """Launch ids with the rank in their upper bits: each host counts its launches from 1."""
    is_plain = (correlation >= 0) & (correlation >> _CORRELATION_BITS == 0)
    return np.where(is_plain, correlation | rank << _CORRELATION_BITS, -1)


def _times(batch: EventBatch, begin_ns: int) -> tuple[Int64, Int64]:
    """Start and duration in ns.

    Starts and ends are rounded down, each by itself: so what encloses in picoseconds still does,
    and a duration differs by 1 ns at most. The sums are split so that they cannot overflow.
    """
    offset_ns, offset_rest = np.divmod(batch.offset_ps, PICOSECONDS_PER_NS)
    length_ns, length_rest = np.divmod(np.maximum(batch.duration_ps, 0), PICOSECONDS_PER_NS)
    duration_ns = length_ns + (offset_rest + length_rest) // PICOSECONDS_PER_NS
    return offset_ns + begin_ns, duration_ns
