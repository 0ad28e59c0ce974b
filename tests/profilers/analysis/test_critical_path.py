"""Critical paths of small traces whose answer is plain, and what holds for every real one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilers.analysis.critical_path import PathKind, PathSegments, critical_path
from profilers.opening import open_path
from profilers.profile import Profile, SliceKind
from tests.profilers.analysis.gpu_traces import US, GpuTrace

OPERATOR = SliceKind.OPERATOR
HOST, DELAY, DEVICE, WAIT, RETURN = PathKind


def path_of(trace: GpuTrace, step: int = 0) -> list[tuple[PathKind, str, int, int]]:
    """Kind, name and bounds in µs of each segment."""
    profile = trace.profile()
    path = critical_path(profile, step)
    assert_whole(path)
    names = profile.strings
    return [
        (
            PathKind(kind),
            names[int(profile.trace.slices.name[row])] if row >= 0 else "",
            begin // US,
            end // US,
        )
        for kind, row, begin, end in zip(
            *(values.tolist() for values in path.columns().values()), strict=True
        )
    ]


def assert_whole(path: PathSegments) -> None:
    assert (path.end_ns > path.begin_ns).all()
    assert (path.begin_ns[1:] == path.end_ns[:-1]).all()


def test_a_step_that_waits_for_its_last_kernel() -> None:
    trace = GpuTrace()
    step = trace.step(0, 100)
    trace.host(0, 20, "aten::mm", OPERATOR)
    trace.host(10, 14, "cudaLaunchKernel", correlation=1)
    trace.work(18, 40, "first", correlation=1, step=step)
    trace.host(20, 24, "cudaLaunchKernel", correlation=2)
    trace.work(42, 80, "second", correlation=2, step=step)
    trace.host(30, 85, "cudaDeviceSynchronize", correlation=3)
    assert path_of(trace) == [
        (HOST, "aten::mm", 0, 10),
        (HOST, "cudaLaunchKernel", 10, 14),
        (DELAY, "first", 14, 18),
        (DEVICE, "first", 18, 40),
        (WAIT, "second", 40, 42),
        (DEVICE, "second", 42, 80),
        (RETURN, "cudaDeviceSynchronize", 80, 85),
        (HOST, "ProfilerStep#0", 85, 100),
    ]


def test_work_that_outlasts_the_host_ends_the_path() -> None:
    trace = GpuTrace()
    step = trace.step(0, 30)
    trace.host(20, 26, "cudaLaunchKernel", correlation=1)
    trace.work(24, 90, "tail", correlation=1, step=step)
    trace.work(95, 99, "of nobody's step")
    assert path_of(trace) == [
        (HOST, "ProfilerStep#0", 0, 20),
        (HOST, "cudaLaunchKernel", 20, 24),  # the kernel began while its call ran
        (DEVICE, "tail", 24, 90),
    ]


def test_a_call_that_had_nothing_to_wait_for_is_host_time() -> None:
    trace = GpuTrace()
    trace.step(0, 30)
    trace.host(2, 3, "cudaLaunchKernel", correlation=1)
    trace.work(4, 8, "early", correlation=1, step=0)
    trace.host(10, 20, "cudaStreamSynchronize", correlation=2)
    assert {kind for kind, *_ in path_of(trace)} == {HOST}


def test_a_record_names_the_stream_that_a_call_waited_for() -> None:
    trace = GpuTrace()
    trace.step(0, 100)
    trace.host(0, 2, "cudaLaunchKernel", correlation=1)
    trace.host(3, 5, "cudaLaunchKernel", correlation=2)
    trace.work(6, 50, "awaited", correlation=1, step=0)
    trace.work(6, 58, "elsewhere", correlation=2, step=0, stream="stream 9")
    trace.work(50, 59, "Stream Sync", SliceKind.RUNTIME, correlation=3)
    trace.host(10, 60, "cudaStreamSynchronize", correlation=3)
    assert (DEVICE, "awaited", 6, 50) in path_of(trace)
    assert "elsewhere" not in {name for _, name, *_ in path_of(trace)}


def test_a_copying_call_waits_for_its_own_copy_if_it_outlasts_it() -> None:
    trace = GpuTrace()
    trace.step(0, 100)
    trace.host(5, 50, "cudaMemcpyAsync", correlation=1)
    trace.work(10, 45, "Memcpy HtoD", SliceKind.COPY, correlation=1, step=0)
    trace.host(60, 64, "cudaMemcpyAsync", correlation=2)
    trace.work(62, 70, "Memcpy DtoH", SliceKind.COPY, correlation=2, step=0)
    assert [entry for entry in path_of(trace) if entry[1] != "ProfilerStep#0"] == [
        (HOST, "cudaMemcpyAsync", 5, 10),
        (DEVICE, "Memcpy HtoD", 10, 45),
        (RETURN, "cudaMemcpyAsync", 45, 50),
        (HOST, "cudaMemcpyAsync", 60, 64),
    ]


def test_work_that_waited_for_another_stream() -> None:
    trace = GpuTrace()
    trace.step(0, 200)
    trace.host(0, 2, "cudaLaunchKernel", correlation=1)
    trace.host(2, 4, "cudaLaunchKernel", correlation=2)
    trace.host(5, 195, "cudaDeviceSynchronize")
    trace.work(5, 100, "producer", correlation=1, step=0, stream="stream 20")
    trace.work(110, 190, "consumer", correlation=2, step=0)
    assert path_of(trace) == [
        (HOST, "cudaLaunchKernel", 0, 2),
        (DELAY, "producer", 2, 5),
        (DEVICE, "producer", 5, 100),
        (WAIT, "consumer", 100, 110),
        (DEVICE, "consumer", 110, 190),
        (RETURN, "cudaDeviceSynchronize", 190, 195),
        (HOST, "ProfilerStep#0", 195, 200),
    ]


def test_another_device_is_not_waited_for() -> None:
    trace = GpuTrace()
    trace.step(0, 200)
    trace.host(2, 4, "cudaLaunchKernel", correlation=2)
    trace.host(5, 195, "cudaDeviceSynchronize")
    trace.work(5, 100, "elsewhere", step=0, device=1)
    trace.work(110, 190, "consumer", correlation=2, step=0)
    assert (DELAY, "consumer", 4, 110) in path_of(trace)


def test_the_backward_pass_leads_to_its_own_thread() -> None:
    trace = GpuTrace()
    trace.step(0, 100)
    trace.host(5, 20, "forward", OPERATOR)
    trace.host(25, 80, "backward", OPERATOR, thread="autograd")
    trace.host(85, 90, "optimizer", OPERATOR)
    trace.host(82, 84, "cudaEventQuery", thread="watchdog")
    assert [entry for entry in path_of(trace) if entry[1] != "ProfilerStep#0"] == [
        (HOST, "forward", 5, 20),
        (HOST, "", 20, 25),
        (HOST, "backward", 25, 80),
        (HOST, "optimizer", 85, 90),
    ]


def test_work_of_the_step_before_is_cut_where_the_step_begins() -> None:
    trace = GpuTrace()
    trace.step(0, 20)
    trace.step(20, 50)
    trace.host(0, 2, "cudaLaunchKernel", correlation=1)
    trace.host(22, 24, "cudaLaunchKernel", correlation=2)
    trace.work(3, 60, "old", correlation=1, step=0)
    trace.work(60, 90, "new", correlation=2, step=1)
    assert path_of(trace, 1) == [(DEVICE, "old", 20, 60), (DEVICE, "new", 60, 90)]


def test_without_steps_the_whole_trace_is_one() -> None:
    trace = GpuTrace()
    trace.host(10, 12, "cudaLaunchKernel", correlation=1)
    trace.work(15, 40, "only", correlation=1)
    assert path_of(trace, -1) == [
        (HOST, "cudaLaunchKernel", 10, 12),
        (DELAY, "only", 12, 15),
        (DEVICE, "only", 15, 40),
    ]


@pytest.mark.parametrize("step", [-1, 0])
def test_work_that_nobody_launched(step: int) -> None:
    trace = GpuTrace()
    trace.step(0, 10)
    trace.work(5, 40, "a", step=0)
    trace.work(90, 90, "of no length", step=0)
    trace.work(90, 90, "of no length", step=0, stream="stream 9")
    path = path_of(trace, step)
    assert (DEVICE, "a", 5, 40) in path
    assert path[-1][3] == 90


def test_nothing_ran() -> None:
    assert not len(critical_path(Profile("nothing")))


moments = st.integers(0, 30)
slices = st.lists(st.tuples(moments, moments, st.integers(0, 3), st.integers(-1, 4)), max_size=10)


@settings(deadline=None)
@given(slices, slices, slices)
def test_any_mixture_ends_and_adds_up(
    calls: list[tuple[int, int, int, int]],
    work: list[tuple[int, int, int, int]],
    waits: list[tuple[int, int, int, int]],
) -> None:
    trace = GpuTrace()
    trace.step(3, 25)
    for begin, length, thread, correlation in calls:
        trace.host(begin, begin + length, "call", correlation=correlation, thread=str(thread))
    for begin, length, stream, correlation in work:
        kind = SliceKind.COPY if length % 2 else SliceKind.KERNEL
        trace.work(
            *(begin, begin + length, "work", kind),
            correlation=correlation, stream=str(stream), step=stream % 2 - 1,
        )  # fmt: skip
    for begin, length, thread, correlation in waits:
        name = "cudaDeviceSynchronize"
        trace.host(begin, begin + length, name, correlation=correlation, thread=str(thread))
    profile = trace.profile()
    ends = profile.trace.slices.start_ns + profile.trace.slices.duration_ns
    for step in (0, -1):
        path = critical_path(profile, step)
        if len(path):
            assert_whole(path)
            assert path.end_ns[-1] <= ends.max()
    own = profile.trace.slices.step == 0
    path = critical_path(profile, 0)
    assert path.begin_ns[0] == 3 * US
    assert path.end_ns[-1] == max(25 * US, int(ends[own].max()))


@pytest.mark.parametrize(
    "file",
    [
        "a100_train_control.json.gz",
        "a100_train_test.json.gz",
        "v100_resnet_ns.json.gz",
        "df_index_resolver.json.gz",
        "mtia_rank_0.json.gz",
        "simple_add.json.gz",
        "sampled_rank1.json.gz",
        "cpu_only_rank34.json.gz",
    ],
)
def test_segments_of_real_steps_add_up_and_lie_in_their_slices(
    shared_data: Path, file: str
) -> None:
    profile = open_path(shared_data / file)
    assert isinstance(profile, Profile)
    slices = profile.trace.slices
    ends = slices.start_ns + slices.duration_ns
    for step in range(len(profile.steps)) if len(profile.steps) else [-1]:
        path = critical_path(profile, step)
        assert_whole(path)
        if step >= 0:
            assert path.begin_ns[0] == profile.steps.start_ns[step]
            host_end_ns = profile.steps.start_ns[step] + profile.steps.duration_ns[step]
            launched = slices.step == step
            on_device = launched & (slices.kind == SliceKind.KERNEL)
            last_ns = max(int(host_end_ns), int(ends[on_device].max(initial=0)))
            assert path.end_ns[-1] >= last_ns
        inside = np.isin(path.kind, (PathKind.HOST, PathKind.DEVICE)) & (path.slice >= 0)
        rows = path.slice[inside]
        assert (slices.start_ns[rows] <= path.begin_ns[inside]).all()
        assert (ends[rows] >= path.end_ns[inside]).all()
        waited = path.kind == PathKind.DEVICE_WAIT
        assert (slices.start_ns[path.slice[waited]] == path.end_ns[waited]).all()


def test_a_queue_that_never_runs_dry_is_device_time(shared_data: Path) -> None:
    profile = open_path(shared_data / "v100_resnet_ns.json.gz")
    assert isinstance(profile, Profile)
    path = critical_path(profile, 3)
    length = path.end_ns - path.begin_ns
    assert length[path.kind == PathKind.DEVICE].sum() > 0.97 * length.sum()
