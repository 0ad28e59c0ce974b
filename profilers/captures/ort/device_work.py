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
from profilers.profile import WORK_KINDS, Diagnostic, Severity, SliceKind, TrackKind, decode
from profilers.profile.table import Int64
from profilers.traces import chrome_json
from profilers.traces.onnxruntime_profile import RUN, Span
from profilers.traces.trace_builder import TraceBuilder

_OF_HOST = "user_annotation"
_SHIFTS_TRIED = 401
_NOISE = 0.02
_MOST_UNTIED_SHARE = 0.05


@dataclass(frozen=True)
class _Call:
    """A launch: its slice's handle in the trace, and what it was made for."""

    handle: int
    step: int
    node: int
    group: int


class DeviceWork:
    """The slices of a trace of PyTorch's profiler, beside the spans of ONNX Runtime's own profile.

    `facts` are those of the machine.

    Raises
    ------
    DamagedFile
        If the trace cannot be read.
    """

    def __init__(self, path: Path, spans: Sequence[Span], started_unix_ns: int) -> None:
        seen = chrome_json.read(path, lambda share: None)
        self.facts = {"GPU": seen.environment.device} if seen.environment.device else {}
        self._slices, self._strings = seen.trace.slices, seen.strings
        self._tracks, self._arguments = seen.trace.tracks, seen.trace.arguments
        self._nodes = _NodeSpans(spans)
        self._marks = np.flatnonzero(
            (self._slices.name == self._strings.find(RUN_MARK))
            & (self._slices.category == self._strings.find(_OF_HOST))
        )
        self._shift_ns = self._shift(seen.start_unix_ns - started_unix_ns)

    def add_to(
        self,
        trace: TraceBuilder,
        links: Mapping[Span, tuple[int, int]],
        threads: Mapping[int, int],
    ) -> list[Diagnostic]:
        """Add the GPU's streams and the calls that launched its work.

        Parameters
        ----------
        links : mapping
            Authored node and fusion group of node spans.
        threads : mapping
            Tracks of the threads that the spans lie on.
        """
        calls = self._add_calls(trace, links, threads)
        total_ns, untied_ns = self._add_streams(trace, calls)
        told = Diagnostic(
            Severity.INFO,
            "Operators show the time of the host, which only launches what the GPU runs; kernels and "
            "copies are those that PyTorch's profiler saw in the same process.",
        )
        if untied_ns <= _MOST_UNTIED_SHARE * total_ns:
            return [told]
        untied = Diagnostic(
            Severity.WARNING,
            f"{untied_ns / total_ns:.0%} of the kernels' time was launched outside of the nodes that "
            "ONNX Runtime tells of, and is tied to none.",
        )
        return [told, untied]

    def _shift(self, shift_ns: int) -> int:
        """What brings the times of PyTorch's profiler onto ONNX Runtime's clock.

        Both count from the same clock of the system, but read it in their own ways. Each run must lie
        inside the range that was put around it; within what that leaves open, launches should lie in
        nodes.
        """
        slices, marks = self._slices, self._marks
        runs = [span.event for span in self._nodes.runs[-len(marks) :]]
        if not len(marks) or len(runs) != len(marks):
            return shift_ns
        begins = np.sort(slices.start_ns[marks]) + shift_ns
        ends = np.sort(slices.start_ns[marks] + slices.duration_ns[marks]) + shift_ns
        latest = int(np.min(np.array([run.start_ns for run in runs]) - begins))
        earliest = int(np.max(np.array([run.end_ns for run in runs]) - ends))
        launches = slices.start_ns[slices.kind == SliceKind.RUNTIME] + shift_ns
        tried = np.linspace(earliest, latest, _SHIFTS_TRIED).astype(np.int64)
        held = np.array([self._nodes.holding(launches + ns) for ns in tried])
        return shift_ns + int(tried[_best(held, int(np.argmin(np.abs(tried))))])

    def _add_calls(
        self,
        trace: TraceBuilder,
        links: Mapping[Span, tuple[int, int]],
        threads: Mapping[int, int],
    ) -> dict[int, _Call]:
        """Calls of the driver, by the number that they share with what they launched."""
        slices, nodes = self._slices, self._nodes
        running = set(slices.track[self._marks].tolist())  # the threads that the runs went on
        calls: dict[int, _Call] = {}
        others: dict[int, int] = {}
        for row in np.flatnonzero(slices.kind == SliceKind.RUNTIME).tolist():
            start_ns = int(slices.start_ns[row]) + self._shift_ns
            run = nodes.run_at(start_ns)
            if run is None:
                continue
            track, end_ns = int(slices.track[row]), start_ns + int(slices.duration_ns[row])
            owner = nodes.at(start_ns)
            node, group = links.get(owner, (-1, -1)) if owner is not None else (-1, -1)
            if track in running:
                place = threads[run.event.tid]
                end_ns = min(end_ns, (owner or run).event.end_ns, nodes.next_start_ns(start_ns))
            else:
                if track not in others:
                    name = self._strings[int(self._tracks.name[track])]
                    others[track] = trace.track(name, process="ONNX Runtime")
                place = others[track]
            correlation = int(slices.correlation[row])
            handle = trace.slice(
                place, start_ns, end_ns - start_ns, self._strings[int(slices.name[row])],
                SliceKind.RUNTIME, self._strings[int(slices.category[row])],
                correlation=correlation, step=run.step, node=node,
            )  # fmt: skip
            if correlation >= 0:
                calls[correlation] = _Call(handle, run.step, node, group)
        return calls

    def _add_streams(self, trace: TraceBuilder, calls: Mapping[int, _Call]) -> tuple[int, int]:
        """Kernels and copies on their streams.

        Returns
        -------
        total_ns, untied_ns : int
            The time of kernels, and that of those which no node launched.
        """
        slices, strings = self._slices, self._strings
        streams: dict[int, int] = {}
        total_ns = untied_ns = 0
        for row in np.flatnonzero(np.isin(slices.kind, list(WORK_KINDS))).tolist():
            call = calls.get(int(slices.correlation[row]))
            if call is None:  # of no run, such as the profiler's own
                continue
            track = int(slices.track[row])
            if track not in streams:
                device, name = (
                    int(self._tracks.device[track]),
                    strings[int(self._tracks.name[track])],
                )
                streams[track] = trace.track(name, TrackKind.STREAM, f"GPU {device}", device)
            duration_ns = int(slices.duration_ns[row])
            handle = trace.slice(
                streams[track], int(slices.start_ns[row]) + self._shift_ns, duration_ns,
                strings[int(slices.name[row])], SliceKind(int(slices.kind[row])),
                strings[int(slices.category[row])], correlation=int(slices.correlation[row]),
                step=call.step, node=call.node, group=call.group,
                arguments=decode(self._arguments, row),
            )  # fmt: skip
            trace.flow(call.handle, handle, "launch")
            if slices.kind[row] == SliceKind.KERNEL:
                total_ns += duration_ns
                untied_ns += duration_ns if call.node < 0 and call.group < 0 else 0
        return total_ns, untied_ns


def _best(held: Int64, near: int) -> int:
    """The middle of the best numbers, in the stretch of good ones that lies the nearest to `near`.

    One launch more at a far end is chance.
    """
    good = np.flatnonzero(held >= held.max() - max(1, _NOISE * held.max()))
    nearest = good[np.argmin(np.abs(good - near))]
    stretches = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    stretch = next(each for each in stretches if nearest in each)
    best = stretch[held[stretch] == held[stretch].max()]
    return int(best[len(best) // 2])


class _NodeSpans:
    """Which node and which run the host dealt with at a moment."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.runs = [span for span in spans if span.event.name == RUN]
        self._holder: dict[Span, Span | None] = {}  # the node whose body each node is in
        for run in self.runs:
            self._hold(run, None)
        self._nodes = sorted(self._holder, key=lambda span: span.event.start_ns)  # outer ones first
        self._starts = [span.event.start_ns for span in self._nodes]
        self._run_starts = [run.event.start_ns for run in self.runs]
        leaves = [span.event for span in self._nodes if not span.children]
        self._leaf_starts = np.array([event.start_ns for event in leaves], np.int64)
        self._leaf_ends = np.array([event.end_ns for event in leaves], np.int64)

    def _hold(self, outer: Span, node: Span | None) -> None:
        for span in outer.children:
            if span.event.is_kernel:
                self._holder[span] = node
            self._hold(span, span if span.event.is_kernel else node)

    def at(self, time_ns: int) -> Span | None:
        """The innermost node."""
        number = bisect_right(self._starts, time_ns) - 1
        span = self._nodes[number] if number >= 0 else None
        while span is not None and time_ns >= span.event.end_ns:
            span = self._holder[span]
        return span

    def next_start_ns(self, time_ns: int) -> int:
        """When the next node begins; after the last one, when its run ends."""
        number = bisect_right(self._starts, time_ns)
        return self._starts[number] if number < len(self._starts) else self.runs[-1].event.end_ns

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
