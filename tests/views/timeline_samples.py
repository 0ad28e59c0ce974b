"""Profiles made for tests of the timeline."""

from profilers.profile import Profile, SliceKind, StringPool, TrackKind
from profilers.traces.trace_builder import TraceBuilder
from tests.sample import MS


def two_devices() -> Profile:
    """A host thread and two devices of two streams, each with two kernels and a gap of 1 ms."""
    pool = StringPool()
    trace = TraceBuilder(pool)
    main = trace.track("main", TrackKind.THREAD, "python")
    trace.slice(main, 0, 8 * MS, "step 0", SliceKind.STEP, "step")
    for device in (0, 1):
        for stream in (7, 20):
            track = trace.track(f"stream {stream}", TrackKind.STREAM, f"GPU {device}", device)
            begin = (1 if stream == 7 else 2) * MS
            for at in (begin, begin + 3 * MS):
                name = f"kernel_{device}_{stream}"
                trace.slice(track, at, 2 * MS, name, SliceKind.KERNEL, "kernel")
    counter = trace.track("allocated", TrackKind.COUNTER, "GPU 0", 0)
    trace.counter(counter, 0, 5.0)
    built, _ = trace.build()
    return Profile("two devices", pool.table(), built)


def launches(kernel_ns: int = 2000) -> Profile:
    """``outer`` encloses two calls of ``aten::mm``; each launches a kernel, the second by id alone.

    A Python frame encloses all; one kernel begins 5 µs after its launch returned, one 1 µs before.
    """
    pool = StringPool()
    trace = TraceBuilder(pool)
    main = trace.track("main", TrackKind.THREAD, "python")
    stream = trace.track("stream 7", TrackKind.STREAM, "GPU 0", 0)
    trace.slice(main, 0, 100_000, "train.py(12): main", SliceKind.PYTHON, "python_function")
    trace.slice(main, 1000, 90_000, "train.py(30): forward", SliceKind.PYTHON, "python_function")
    trace.slice(main, 2000, 80_000, "outer", SliceKind.OPERATOR, "cpu_op")
    for at, delay_ns, launch_id in ((10_000, 5000, 1), (40_000, -1000, 2)):
        trace.slice(
            main, at, 20_000, "aten::mm", SliceKind.OPERATOR, "cpu_op",
            arguments={"Input Dims": [[2, 3], [3, 4]], "Call stack": "a.py(1): f;b.py(2): g"},
        )  # fmt: skip
        call = trace.slice(
            main, at + 5000, 3000, "cudaLaunchKernel", SliceKind.RUNTIME, "cuda_runtime",
            correlation=launch_id,
        )  # fmt: skip
        kernel = trace.slice(
            stream, at + 8000 + delay_ns, kernel_ns, "gemm", SliceKind.KERNEL, "kernel",
            correlation=launch_id,
        )  # fmt: skip
        if launch_id == 1:
            trace.flow(call, kernel, "launch")
    built, _ = trace.build()
    return Profile("launches", pool.table(), built)
