"""A trace without fault, to which a test adds one."""

from dataclasses import replace
from typing import Any

import numpy as np

from profilers.analysis.trace_health import health
from profilers.profile import (
    Allocations,
    Diagnostic,
    Memory,
    MemoryCounters,
    Profile,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    TrackKind,
)
from profilers.traces.trace_builder import TraceBuilder

US, MS, S = 1_000, 1_000_000, 1_000_000_000
STEP_NS = 20 * MS


class Run:
    """A run on one host thread and one stream whose trace has no fault, to which one is added."""

    def __init__(self, steps: int = 3, launched: int = 20) -> None:
        self.pool = StringPool()
        self.builder = TraceBuilder(self.pool)
        self.host = self.builder.track("thread", TrackKind.THREAD, "python")
        self.stream = self.builder.track("stream 7", TrackKind.STREAM, "GPU 0", device=0)
        self.steps: list[tuple[int, int, int]] = []
        for number in range(steps):
            self.step(number)
            for at in range(launched):
                self.launch(number * STEP_NS + at * MS + 137 * at + 10 * US, step=number)

    def step(self, number: int, duration_ns: int = STEP_NS - 7 * US) -> None:
        begin = len(self.steps) * STEP_NS + 3
        row = len(self.steps)
        self.steps.append((begin, duration_ns, number))
        name = f"ProfilerStep#{number}"
        self.builder.slice(self.host, begin, duration_ns, name, SliceKind.STEP, step=row)

    def operator(self, start_ns: int, duration_ns: int = 5 * US, **more: Any) -> int:
        return self.builder.slice(
            self.host, start_ns, duration_ns, "aten::mm", SliceKind.OPERATOR, "cpu_op", **more
        )

    def call(self, start_ns: int, name: str = "cudaLaunchKernel", step: int = -1) -> int:
        return self.builder.slice(
            self.host, start_ns, 3 * US, name, SliceKind.RUNTIME, "cuda_runtime", step=step
        )

    def kernel(self, start_ns: int, duration_ns: int = 30 * US, step: int = -1) -> int:
        return self.builder.slice(
            self.stream, start_ns, duration_ns, "gemm", SliceKind.KERNEL, "kernel", step=step
        )

    def launch(self, at_ns: int, delay_ns: int = 20 * US, step: int = -1) -> None:
        self.operator(at_ns, 9 * US, step=step, arguments={"Input Dims": [[2, 2]]})
        call, kernel = self.call(at_ns + US, step=step), self.kernel(at_ns + US + delay_ns)
        self.builder.flow(call, kernel, "launch")

    def profile(self) -> Profile:
        trace, _ = self.builder.build()
        memory = Memory(
            "by hand",
            Allocations.from_rows([(0, 5, 64, self.pool.add("cpu"), 0, -1, -1, -1)]),
            MemoryCounters.empty(),
        )
        steps = Steps.from_rows(self.steps)
        return Profile("run", self.pool.table(), trace, steps=steps, memory=memory)


def on_one_track(start_ns: np.ndarray, duration_ns: np.ndarray) -> Profile:
    """Slices of no kind, one after another, and nothing else."""
    none = np.full(len(start_ns), -1)
    zero = np.zeros(len(start_ns))
    slices = Slices.of(
        start_ns=start_ns, duration_ns=duration_ns, name=zero, category=none, kind=zero, track=zero,
        depth=zero, parent=none, correlation=none, step=none, node=none, group=none,
    )  # fmt: skip
    run = Run(0).profile()
    return replace(run, strings=StringPool(["a"]).table(), trace=replace(run.trace, slices=slices))


def found(profile: Profile, words: str) -> Diagnostic:
    """The one finding that says these words."""
    matching = [each for each in health(profile) if words in each.message]
    assert len(matching) == 1, [each.message for each in health(profile)]
    return matching[0]


def says(profile: Profile, words: str) -> bool:
    return any(words in each.message for each in health(profile))
