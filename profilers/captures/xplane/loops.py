"""Rounds of loops on the timeline: a track with one slice per round, and a number for each operator."""

import json
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profilers.profile import Graph, Profile, SliceKind, Slices, StringPool, StringTable, TrackKind
from profilers.profile.json_column import JsonColumn, decode
from profilers.profile.table import Int32, Int64
from profilers.traces.nesting import nest, slice_order

_LOOPS = frozenset({"While", "StatelessWhile", "while", "scan"})
_BODY = "body"
_MOST_ROUNDS = 20_000
_TRACK = "Loop rounds"


def with_rounds(profile: Profile) -> Profile:
    """The same profile; where no loop ran, as it is.

    A node of a loop's body runs once per round, so its n-th run in a step is of the n-th round. A
    loop within a loop counts on over the rounds of the outer one.
    """
    owner = _loop_of(profile.authored, profile.strings)
    slices = profile.trace.slices
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
    rows = rows[slices.node[rows] >= 0]
    rows = rows[owner[slices.node[rows]] >= 0]
    if not len(rows):
        return profile
    number = _numbers(slices, rows)
    spans = _spans(slices, rows, number, owner)
    return _with_track(profile, spans, dict(zip(rows.tolist(), number, strict=True)))


def _loop_of(authored: Graph, strings: StringTable) -> Int32:
    """For each node in the body of a loop that loop's node, -1 for all others."""
    subgraphs, nodes = authored.subgraphs, authored.nodes
    loop = np.full(len(subgraphs) + 1, -1, np.int32)
    for row, (name, owner) in enumerate(
        zip(subgraphs.name.tolist(), subgraphs.owner.tolist(), strict=True)
    ):
        if strings[name] == _BODY and strings[int(nodes.operator[owner])] in _LOOPS:
            loop[row] = owner
    found: Int32 = loop[nodes.subgraph]
    return found


def _numbers(slices: Slices, rows: Int64) -> list[int]:
    """The round of each row, from 1 on: how often what goes by its name ran for its node so far.

    XLA makes several instructions of one node, and each of them runs once per round.
    """
    seen: Counter[tuple[int, int, int]] = Counter()
    numbers = [0] * len(rows)
    for at in np.argsort(slices.start_ns[rows], kind="stable").tolist():
        row = rows[at]
        key = int(slices.step[row]), int(slices.node[row]), int(slices.name[row])
        seen[key] += 1
        numbers[at] = seen[key]
    return numbers


@dataclass(frozen=True)
class _Span:
    loop: int
    step: int
    number: int
    count: int
    begin_ns: int
    end_ns: int


def _spans(slices: Slices, rows: Int64, numbers: list[int], owner: Int32) -> list[_Span]:
    """One per loop, step and round: from its first operator to the next round's.

    What runs ahead of the rounds before it, as counters do, begins none of them.
    """
    loop, step = owner[slices.node[rows]], slices.step[rows]
    end = slices.start_ns[rows] + slices.duration_ns[rows]
    order = np.lexsort((end, np.array(numbers), step, loop))
    rows, rounds = rows[order], np.stack((loop, step, np.array(numbers)))[:, order]
    first = np.flatnonzero(_differs(rounds))
    round_of = np.cumsum(_differs(rounds)) - 1
    begin, end = slices.start_ns[rows], end[order]
    half_ns = _half_done(slices.duration_ns[rows], end, first)
    is_first = _differs(rounds[:2, first])
    before = np.where(is_first, np.iinfo(np.int64).min, np.roll(half_ns, 1))
    later = ~is_first[round_of]
    is_ahead = _mostly(slices.node[rows], begin < before[round_of], later)
    begins = _begins(begin, round_of, is_ahead, len(first))
    ends = np.maximum.reduceat(end, first)
    of_loop = np.flatnonzero(is_first)
    spans: list[_Span] = []
    for at, until in zip(of_loop, [*of_loop[1:], len(first)], strict=True):
        starts = np.maximum.accumulate([*begins[at:until], ends[at:until].max()]).tolist()
        own_loop, own_step, _ = rounds[:, first[at]].tolist()
        count = len(starts) - 1
        spans += [
            _Span(own_loop, own_step, number, count, starts[number - 1], starts[number])
            for number in range(1, count + 1)
        ]
    return spans[:_MOST_ROUNDS]


def _differs(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each column whether it is another than the one before it."""
    return np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))


def _half_done(duration: Int64, end: Int64, first: Int64) -> Int64:
    """When half of each round's work was done; its operators stand together, by their end."""
    done = np.cumsum(duration)
    before = done[first] - duration[first]
    counts = np.diff(np.append(first, len(done)))
    whole = np.add.reduceat(duration, first)
    is_past = 2 * (done - np.repeat(before, counts)) >= np.repeat(whole, counts)
    found: Int64 = np.minimum.reduceat(np.where(is_past, end, np.iinfo(np.int64).max), first)
    return found


def _mostly(
    node: Int32, is_early: NDArray[np.bool_], counts: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """For each run whether half or more of its node's runs that count are early."""
    runs = np.bincount(node, weights=counts)
    early = np.bincount(node, weights=is_early & counts)
    found: NDArray[np.bool_] = ((2 * early >= runs) & (early > 0))[node]
    return found


def _begins(begin: Int64, round_of: Int64, is_ahead: NDArray[np.bool_], count: int) -> Int64:
    """Where each round begins; one of nothing but what runs ahead begins with that."""
    begins = np.full((2, count), np.iinfo(np.int64).max)
    for level, counts in zip(begins, (~is_ahead, np.ones_like(is_ahead)), strict=True):
        np.minimum.at(level, round_of[counts], begin[counts])
    found: Int64 = np.where(begins[0] < np.iinfo(np.int64).max, begins[0], begins[1])
    return found


def _with_track(profile: Profile, spans: list[_Span], round_of: dict[int, int]) -> Profile:
    """Rounds are slices of a last track, in the process that ran them."""
    trace, strings = profile.trace, profile.strings
    pool = StringPool(strings)
    names = profile.authored.nodes.name
    count = len(spans)
    track = np.full(count, len(trace.tracks), np.int32)
    start = np.array([span.begin_ns for span in spans], np.int64)
    duration = np.array([span.end_ns - span.begin_ns for span in spans], np.int64)
    order = slice_order(np.zeros(count, np.int32), start, duration)
    depth, parent = nest(track, start[order], duration[order])
    ordered = [spans[at] for at in order.tolist()]
    own = [
        pool.add(f"{strings[int(names[span.loop])]}, round {span.number} of {span.count}")
        for span in ordered
    ]
    none = np.full(count, -1, np.int32)
    added = Slices.of(
        start_ns=start[order],
        duration_ns=duration[order],
        name=np.array(own, np.int32),
        category=np.full(count, pool.add("scope"), np.int32),
        kind=np.full(count, SliceKind.SCOPE, np.int8),
        track=track,
        depth=depth,
        parent=np.where(parent >= 0, parent + len(trace.slices), -1).astype(np.int32),
        correlation=np.full(count, -1, np.int64),
        step=np.array([span.step for span in ordered], np.int32),
        node=np.array([span.loop for span in ordered], np.int32),
        group=none,
    )
    first = int(trace.slices.track[next(iter(round_of))])
    tracks = trace.tracks.take(np.append(np.arange(len(trace.tracks)), first))
    title, kind = tracks.name.copy(), tracks.kind.copy()
    title[-1], kind[-1] = pool.add(_TRACK), TrackKind.OTHER
    return replace(
        profile,
        strings=pool.table(),
        trace=replace(
            trace,
            slices=Slices.of(
                **{
                    name: np.concatenate((column, added.columns()[name]))
                    for name, column in trace.slices.columns().items()
                }
            ),
            tracks=tracks.replace(name=title, kind=kind),
            arguments=_WithRounds(trace.arguments, round_of, ordered),
        ),
    )


@dataclass(frozen=True, eq=False)
class _WithRounds:
    """A JsonColumn that tells the round of operators in loops, and the rounds themselves."""

    column: JsonColumn
    round_of: dict[int, int]
    spans: list[_Span]

    def __len__(self) -> int:
        return len(self.column) + len(self.spans)

    def text(self, row: int) -> bytes:
        if row >= len(self.column):
            span = self.spans[row - len(self.column)]
            return json.dumps({"round": span.number, "rounds": span.count}).encode()
        number = self.round_of.get(row)
        if number is None:
            return self.column.text(row)
        told = {**decode(self.column, row), "round": number}
        return json.dumps(told, ensure_ascii=False).encode()
