"""What a GPU did for ONNX Runtime, as PyTorch's profiler saw it: kernels, copies and their launches.

ONNX Runtime tells when the host dealt with a node, and its packages record nothing of a GPU. A kernel
belongs to the node during which the host launched it.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profilers.captures.ort.files import RUN_MARK
from profilers.profile import Diagnostic, Profile, Severity, SliceKind, TrackKind, decode
from profilers.profile.table import Int64
from profilers.run_record import RunRecord
from profilers.traces import chrome_json
from profilers.traces.onnxruntime_profile import RUN, Span
from profilers.traces.trace_builder import TraceBuilder

_ON_DEVICE = (SliceKind.KERNEL, SliceKind.COPY, SliceKind.COMMUNICATION)
_OF_HOST = "user_annotation"
_SHIFTS_TRIED = 101
_MOST_UNTIED_SHARE = 0.05


def add_device_work(
    trace: TraceBuilder,
    spans: Sequence[Span],
    links: Mapping[Span, tuple[int, int]],
    path: Path,
    run: RunRecord,
) -> list[Diagnostic]:
    """Add the GPU's streams and the calls that launched its work to a trace of ONNX Runtime.

    Parameters
    ----------
    spans : sequence of Span
        ONNX Runtime's own, which the trace already holds.
    links : mapping
        Authored node and fusion group of node spans.

    Raises
    ------
    DamagedFile
        If the file of the device's work cannot be read.
    """
    seen = chrome_json.read(path, lambda share: None)
    nodes = _NodeSpans(spans)
    shift_ns = _shift_ns(seen, nodes, run.started_unix_ns)
    calls = _add_calls(trace, seen, nodes, links, shift_ns)
    untied = _add_streams(trace, seen, calls, shift_ns, nodes)
    told = Diagnostic(
        Severity.INFO,
        "Times of nodes are the host's, which only launches what the GPU runs; its kernels and copies "
        "are those that PyTorch's profiler saw in this process.",
    )
    return [told, *untied]


@dataclass(frozen=True)
class _Call:
    """A launch: its slice's handle in the trace, and what it was made for."""

    handle: int
    step: int
    node: int
    group: int


class _NodeSpans:
    """The innermost node that the host dealt with at a moment."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.runs = [span for span in spans if span.event.name == RUN]
        walked = (span for run in self.runs for span in run.walk())
        self._nodes = sorted(
            (span for span in walked if span.event.is_kernel), key=lambda span: span.event.start_ns
        )
        self._starts = [span.event.start_ns for span in self._nodes]
        self._run_starts = [run.event.start_ns for run in self.runs]
        leaves = [span.event for span in self._nodes if not span.children]
        self._leaf_starts = np.array([event.start_ns for event in leaves], np.int64)
        self._leaf_ends = np.array([event.end_ns for event in leaves], np.int64)

    def at(self, time_ns: int) -> Span | None:
        number = bisect_right(self._starts, time_ns) - 1
        while number >= 0 and time_ns >= self._nodes[number].event.end_ns:
            number -= 1  # a loop's body lies inside the loop, which ends later
            if number >= 0 and not self._nodes[number].children:
                return None
        return self._nodes[number] if number >= 0 else None

    def holding(self, times_ns: Int64) -> int:
        """How many moments lie within a node."""
        if not len(self._leaf_starts):
            return 0
        number = np.maximum(np.searchsorted(self._leaf_starts, times_ns, "right") - 1, 0)
        inside = (times_ns >= self._leaf_starts[number]) & (times_ns < self._leaf_ends[number])
        return int(np.count_nonzero(inside))

    def run_at(self, time_ns: int) -> Span | None:
        number = bisect_right(self._run_starts, time_ns) - 1
        run = self.runs[number] if number >= 0 else None
        return run if run is not None and time_ns < run.event.end_ns else None


def _shift_ns(seen: Profile, nodes: _NodeSpans, started_unix_ns: int) -> int:
    """What brings the times of PyTorch's profiler onto ONNX Runtime's clock.

    Both count from the same clock of the system, but read it in their own ways. Each run must lie
    inside the range that was put around it; within what that leaves open, launches should lie in nodes.
    """
    shift_ns = seen.start_unix_ns - started_unix_ns
    slices = seen.trace.slices
    marks = np.flatnonzero(
        (slices.name == seen.strings.find(RUN_MARK))
        & (slices.category == seen.strings.find(_OF_HOST))
    )
    runs = [span.event for span in nodes.runs[-len(marks) :]]
    if not len(marks) or len(runs) != len(marks):
        return shift_ns
    begins = np.sort(slices.start_ns[marks]) + shift_ns
    ends = np.sort(slices.start_ns[marks] + slices.duration_ns[marks]) + shift_ns
    latest = int(np.min(np.array([run.start_ns for run in runs]) - begins))
    earliest = int(np.max(np.array([run.end_ns for run in runs]) - ends))
    launches = slices.start_ns[slices.kind == SliceKind.RUNTIME] + shift_ns
    tried = [0, *np.linspace(earliest, latest, _SHIFTS_TRIED).astype(np.int64).tolist()]
    best: int = max(tried, key=lambda ns: nodes.holding(launches + ns))
    return shift_ns + best


def _add_calls(
    trace: TraceBuilder,
    seen: Profile,
    nodes: _NodeSpans,
    links: Mapping[Span, tuple[int, int]],
    shift_ns: int,
) -> dict[int, _Call]:
    """Calls of the driver, by the number that they share with what they launched."""
    slices, strings = seen.trace.slices, seen.strings
    calls: dict[int, _Call] = {}
    tracks: dict[int, int] = {}
    for row in np.flatnonzero(slices.kind == SliceKind.RUNTIME).tolist():
        start_ns = int(slices.start_ns[row]) + shift_ns
        run = nodes.run_at(start_ns)
        if run is None:
            continue
        owner = nodes.at(start_ns)
        node, group = links.get(owner, (-1, -1)) if owner is not None else (-1, -1)
        track = int(slices.track[row])
        if track not in tracks:
            name = strings[int(seen.trace.tracks.name[track])]
            tracks[track] = trace.track(f"CUDA calls of {name}", process="ONNX Runtime")
        handle = trace.slice(
            tracks[track], start_ns, int(slices.duration_ns[row]), strings[int(slices.name[row])],
            SliceKind.RUNTIME, strings[int(slices.category[row])],
            correlation=int(slices.correlation[row]), step=run.step, node=node, group=group,
        )  # fmt: skip
        if slices.correlation[row] >= 0:
            calls[int(slices.correlation[row])] = _Call(handle, run.step, node, group)
    return calls


def _add_streams(
    trace: TraceBuilder, seen: Profile, calls: Mapping[int, _Call], shift_ns: int, nodes: _NodeSpans
) -> list[Diagnostic]:
    """Kernels and copies on their streams; a warning where too much of them has no node."""
    slices, strings, arguments = seen.trace.slices, seen.strings, seen.trace.arguments
    tracks: dict[int, int] = {}
    total_ns = untied_ns = 0
    for row in np.flatnonzero(np.isin(slices.kind, _ON_DEVICE)).tolist():
        call = calls.get(int(slices.correlation[row]))
        if call is None:  # of no run, such as the profiler's own
            continue
        track = int(slices.track[row])
        if track not in tracks:
            name = strings[int(seen.trace.tracks.name[track])]
            device = int(seen.trace.tracks.device[track])
            tracks[track] = trace.track(name, TrackKind.STREAM, "GPU", device)
        duration_ns = int(slices.duration_ns[row])
        handle = trace.slice(
            tracks[track], int(slices.start_ns[row]) + shift_ns, duration_ns,
            strings[int(slices.name[row])], SliceKind(int(slices.kind[row])),
            strings[int(slices.category[row])], correlation=int(slices.correlation[row]),
            step=call.step, node=call.node, group=call.group, arguments=decode(arguments, row),
        )  # fmt: skip
        trace.flow(call.handle, handle, "launch")
        if slices.kind[row] == SliceKind.KERNEL:
            total_ns += duration_ns
            untied_ns += duration_ns if call.node < 0 and call.group < 0 else 0
    if untied_ns <= _MOST_UNTIED_SHARE * total_ns:
        return []
    return [
        Diagnostic(
            Severity.WARNING,
            f"{untied_ns / total_ns:.0%} of the GPU's time was launched outside of the nodes that ONNX "
            "Runtime tells of, and is tied to none.",
        )
    ]
