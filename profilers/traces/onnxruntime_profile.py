"""Reader of ONNX Runtime's own profile: one JSON array of session and node events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.profile import (
    Diagnostic,
    Environment,
    Profile,
    Severity,
    SliceKind,
    Steps,
    StringPool,
)
from profilers.traces import Progress
from profilers.traces.trace_builder import TraceBuilder
from profilers.units import format_duration

KERNEL_SUFFIX = "_kernel_time"
RUN = "model_run"
EXECUTE = "SequentialExecutor::Execute"
_LOOPS = frozenset({"Loop", "Scan", "SequenceMap"})
_LARGEST_FILE = 2**30
_LATEST_US = 2**53
_US = 1000


class Event(msgspec.Struct):
    """One interval; `ts` and `dur` in microseconds since profiling began."""

    name: str
    cat: str
    ts: int
    dur: int
    pid: int = 0
    tid: int = 0
    args: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def is_kernel(self) -> bool:
        return self.cat == "Node" and self.name.endswith(KERNEL_SUFFIX)

    @property
    def node_name(self) -> str:
        return self.name.removesuffix(KERNEL_SUFFIX)

    @property
    def operator(self) -> str:
        return str(self.args.get("op_name", "")) or self.node_name

    @property
    def start_ns(self) -> int:
        return self.ts * _US

    @property
    def duration_ns(self) -> int:
        return self.dur * _US

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclass(eq=False)
class Span:
    """An event with those that ran inside it; `slice` is its handle in the trace builder."""

    event: Event
    children: list["Span"] = field(default_factory=list)
    step: int = -1
    slice: int = -1

    def walk(self) -> Iterator["Span"]:
        """This span and all within, outer ones first, in order of time."""
        pending = [self]
        while pending:
            span = pending.pop()
            yield span
            pending += reversed(span.children)


def matches(probe: Probe) -> bool:
    head = probe.head
    if not head.lstrip().startswith(b"[") or b'"cat"' not in head:
        return False
    return KERNEL_SUFFIX.encode() in head or b'"session_initialization"' in head


def read(path: Path, progress: Progress) -> Profile:
    """A profile with the trace alone: the file does not hold the model's graph."""
    spans = read_spans(path)
    progress(0.5)
    pool = StringPool()
    steps = number_steps(spans)
    trace = TraceBuilder(pool)
    add_slices(trace, spans)
    built, _ = trace.build()
    return Profile(
        path.name,
        strings=pool.table(),
        trace=built,
        steps=steps,
        diagnostics=(
            Diagnostic(
                Severity.INFO,
                "This trace does not hold the model, so there is no graph, fusion or memory.",
                "Profile the .onnx file itself to see them.",
            ),
        ),
        environment=Environment(
            framework="ONNX Runtime",
            mode="onnxruntime",
            device="cpu",
            facts=_time_by_provider(spans),
        ),
    )


def _time_by_provider(spans: list[Span]) -> dict[str, str]:
    """How long each execution provider's nodes ran, the longest first."""
    times_ns: dict[str, int] = {}
    for span in (inner for root in spans for inner in root.walk()):
        provider = str(span.event.args.get("provider", "")).removesuffix("ExecutionProvider")
        if span.event.is_kernel and provider and not span.children:  # bodies count themselves
            times_ns[provider] = times_ns.get(provider, 0) + span.event.duration_ns
    longest = sorted(times_ns, key=lambda provider: -times_ns[provider])
    told = ", ".join(f"{each} {format_duration(times_ns[each])}" for each in longest)
    return {"Time by execution provider": told} if told else {}


def read_spans(path: Path) -> list[Span]:
    """Outermost events in order of time.

    Raises
    ------
    DamagedFile
        If the file is too large or no array of complete events, for example after a crash.
    """
    what = f"Cannot read the ONNX Runtime profile {path.name}"
    if path.stat().st_size > _LARGEST_FILE:
        raise DamagedFile(what, "it is larger than 1 GiB", "Profile fewer steps.")
    try:
        events = msgspec.json.decode(path.read_bytes(), type=list[Event])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DamagedFile(
            what,
            f"it is cut or damaged ({error})",
            "Let the session end its profile: session.end_profiling().",
        ) from error
    if any(not (0 <= e.ts <= _LATEST_US and 0 <= e.dur <= _LATEST_US) for e in events):
        raise DamagedFile(what, "an event lies at a negative or impossible time")
    return _nest(events)


def _nest(events: list[Event]) -> list[Span]:
    """Each event is written when it ends, so what it holds stands before it in the file.

    Times are whole microseconds and cannot always tell; but an executor holds nodes, and only a
    control-flow node or a run holds an executor.
    """
    waiting: dict[int, list[Span]] = {}
    for event in events:
        if event.cat == "Node" and not event.is_kernel:
            continue  # fence events of old versions, which only mark waiting
        before = waiting.setdefault(event.tid, [])
        span = Span(event)
        while before and _holds(event, before[-1].event):
            span.children.append(before.pop())
        span.children.reverse()
        _fit_inside(event, span.children)
        before.append(span)
    roots = [span for spans in waiting.values() for span in spans]
    return sorted(roots, key=lambda span: span.event.ts)


def _holds(outer: Event, inner: Event) -> bool:
    if inner.ts < outer.ts or inner.ts + inner.dur > outer.ts + outer.dur + 1:
        return False
    if outer.name == EXECUTE:
        return inner.is_kernel
    return inner.name == EXECUTE


def _fit_inside(outer: Event, children: list[Span]) -> None:
    """Start and duration are rounded down apart, so that an end may lie 1 µs behind its holder's."""
    for child in children:
        child.event.dur = min(child.event.dur, outer.ts + outer.dur - child.event.ts)


def number_steps(spans: list[Span], skipped: int = 0) -> Steps:
    """Number the runs, and all within them, after the first `skipped` (a warm-up)."""
    runs = [span for span in spans if span.event.name == RUN][skipped:]
    for number, run in enumerate(runs):
        for span in run.walk():
            span.step = number
    return Steps.from_rows(
        (run.event.start_ns, run.event.duration_ns, number) for number, run in enumerate(runs)
    )


def add_slices(
    trace: TraceBuilder, spans: list[Span], links: Mapping[Span, tuple[int, int]] | None = None
) -> dict[int, int]:
    """Add every span to the trace; `links` gives authored node and fusion group of some.

    Returns
    -------
    dict of int to int
        The track of each thread.
    """
    tracks: dict[int, int] = {}
    rounds = _rounds(spans)
    for root in spans:
        for span in root.walk():  # outer ones first: equal times keep this order
            event = span.event
            if event.tid not in tracks:
                tracks[event.tid] = trace.track(f"thread {event.tid}", process="ONNX Runtime")
            turn = rounds.get(span)
            node, group = (links or {}).get(turn.loop if turn else span, (-1, -1))
            group = -1 if turn else group  # the loop itself is it
            span.slice = trace.slice(
                tracks[event.tid],
                event.start_ns,
                event.duration_ns,
                turn.title if turn else event.operator if event.is_kernel else event.name,
                _kind(event),
                event.cat,
                step=span.step,
                node=node,
                group=group,
                arguments=_arguments(event),
            )
    return tracks


@dataclass(frozen=True)
class _Round:
    """One execution of a loop's body."""

    loop: Span
    number: int
    count: int

    @property
    def title(self) -> str:
        return f"round {self.number} of {self.count}"


def _rounds(spans: list[Span]) -> dict[Span, _Round]:
    found = {}
    for loop in (span for root in spans for span in root.walk()):
        if loop.event.is_kernel and loop.event.operator in _LOOPS:
            bodies = [span for span in loop.children if span.event.name == EXECUTE]
            for number, body in enumerate(bodies, 1):
                found[body] = _Round(loop, number, len(bodies))
    return found


def _kind(event: Event) -> SliceKind:
    if event.is_kernel:
        return SliceKind.OPERATOR
    return SliceKind.STEP if event.name == RUN else SliceKind.SCOPE


def _arguments(event: Event) -> dict[str, Any]:
    known = {key: _number(value) for key, value in event.args.items() if value not in ("", None)}
    known.pop("op_name", None)
    return {"node": event.node_name, **known} if event.is_kernel else known


def _number(value: Any) -> Any:
    """ONNX Runtime writes numbers as text."""
    is_number = isinstance(value, str) and value.isdecimal() and len(value) < 19
    return int(value) if is_number else value
