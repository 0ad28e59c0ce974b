"""What several checks need to know of a trace, worked out once."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.device.work import work_rows
from profilers.profile import Profile, SliceKind, Slices, TrackKind
from profilers.profile.table import Int64

Mask = NDArray[np.bool_]

_SUBMITS = re.compile(r"launch(?!host)|memcpy", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TraceFacts:
    """A profile with at least one slice; rows are rows of its slices."""

    profile: Profile

    @property
    def slices(self) -> Slices:
        return self.profile.trace.slices

    @cached_property
    def ends_ns(self) -> Int64:
        return self.slices.start_ns + self.slices.duration_ns

    @cached_property
    def span_ns(self) -> int:
        """From the first start to the last end."""
        return int(self.ends_ns.max() - self.slices.start_ns.min())

    @property
    def is_kineto(self) -> bool:
        return self.profile.strings.find("cpu_op") >= 0

    def of_kind(self, *kinds: SliceKind) -> Mask:
        wanted = np.zeros(256, np.bool_)
        wanted[list(kinds)] = True
        mask: Mask = wanted[self.slices.kind]
        return mask

    @cached_property
    def on_stream(self) -> Mask:
        """Rows on a queue of a device."""
        mask: Mask = (self.profile.trace.tracks.kind == TrackKind.STREAM)[self.slices.track]
        return mask

    @property
    def device_rows(self) -> Int64:
        """Kernels, copies and collectives on a device."""
        return work_rows(self.profile)

    @cached_property
    def submit_rows(self) -> Int64:
        """Driver calls that put a kernel or a copy on a device's queue, by their names.

        Not those that set memory: real traces have no device work for most of them.
        """
        rows = np.flatnonzero(self.of_kind(SliceKind.RUNTIME))
        strings = self.profile.strings
        used = np.flatnonzero(np.bincount(self.slices.name[rows], minlength=len(strings)))
        submits = np.zeros(len(strings), np.bool_)
        submits[[name for name in used.tolist() if _SUBMITS.search(strings[name])]] = True
        return rows[submits[self.slices.name[rows]]]

    @cached_property
    def launches(self) -> tuple[Int64, Int64]:
        """Rows (driver call, device work) of the arrows that the reader drew between them."""
        flows = self.profile.trace.flows
        rows = np.flatnonzero(flows.kind == self.profile.strings.find("launch"))
        return flows.source[rows].astype(np.int64), flows.target[rows].astype(np.int64)

    @cached_property
    def unanswered_rows(self) -> Int64:
        """Submitting calls whose kernel or copy is not in the trace."""
        return self._without(self.submit_rows, self.launches[0])

    @cached_property
    def unlaunched_rows(self) -> Int64:
        """Outermost device work whose launch is not in the trace."""
        outermost = self.device_rows[self.slices.parent[self.device_rows] < 0]
        return self._without(outermost, self.launches[1])

    @cached_property
    def step_ends_ns(self) -> Int64:
        return self.profile.steps.start_ns + self.profile.steps.duration_ns

    def _without(self, rows: Int64, known: Int64) -> Int64:
        left_out = np.zeros(len(self.slices), np.bool_)
        left_out[known] = True
        return rows[~left_out[rows]]
