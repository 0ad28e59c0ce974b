"""Device time, idle gaps, launches and kernels of small traces, against sums done by hand."""

import pytest

from profilers.analysis.communication import communication_overlap
from profilers.analysis.device.idle_time import IdleCause, idle_by_cause, idle_gaps
from profilers.analysis.device.kernel_breakdown import kernel_statistics
from profilers.analysis.device.launches import launch_summary, launches, queue_length
from profilers.analysis.device.time import device_time, time_by_cover
from profilers.analysis.device.work import TimeRange, work_rows
from profilers.profile import WORK_KINDS, Profile, SliceKind
from tests.profilers.analysis.gpu_traces import US, GpuTrace

COMMUNICATION, COPY = SliceKind.COMMUNICATION, SliceKind.COPY


def overlapping_streams() -> GpuTrace:
    """Compute 0 to 50 and 80 to 100, communication 30 to 70, copies 60 to 75; idle 75 to 80."""
    trace = GpuTrace()
    trace.work(0, 50, "gemm")
    trace.work(80, 100, "gemm")
    trace.work(30, 70, "ncclKernel", COMMUNICATION, stream="stream 20")
    trace.work(60, 75, "Memcpy", COPY, stream="stream 21")
    return trace


def test_streams_that_run_at_once_are_not_counted_twice() -> None:
    (row,) = zip(*device_time(overlapping_streams().profile()).columns().values(), strict=True)
    assert [int(value) // US for value in row[2:]] == [0, 100, 95, 5, 70, 40, 15, 20, 5]


def test_a_time_range_cuts_slices_and_counts_idle_time_at_its_edges() -> None:
    time = device_time(overlapping_streams().profile(), (40 * US, 140 * US))
    assert time.compute_ns.tolist() == [30 * US]
    assert time.communication_ns.tolist() == [30 * US]
    assert time.exposed_communication_ns.tolist() == [20 * US]
    assert time.idle_ns.tolist() == [45 * US]


def test_parts_add_up_to_the_whole_span() -> None:
    profile = overlapping_streams().profile()
    for within in (None, (10 * US, 65 * US), (72 * US, 78 * US), (500 * US, 600 * US)):
        time = device_time(profile, within)
        parts = time.compute_ns + time.exposed_communication_ns + time.exposed_copy_ns
        assert (parts == time.busy_ns).all()
        assert (parts + time.idle_ns == time.end_ns - time.begin_ns).all()
        assert time_by_cover(profile, work_rows(profile), within).sum() == time.busy_ns.sum()


def test_types_that_ran_at_once() -> None:
    profile = overlapping_streams().profile()
    names = {
        frozenset(kind for bit, kind in enumerate(WORK_KINDS) if cover >> bit & 1): time_ns // US
        for cover, time_ns in enumerate(time_by_cover(profile, work_rows(profile)).tolist())
        if time_ns
    }
    assert names == {
        frozenset([SliceKind.KERNEL]): 50,
        frozenset([COMMUNICATION]): 10,
        frozenset([SliceKind.KERNEL, COMMUNICATION]): 20,
        frozenset([COMMUNICATION, COPY]): 10,
        frozenset([COPY]): 5,
    }


def test_communication_is_hidden_by_compute_of_its_own_device_alone() -> None:
    trace = overlapping_streams()
    trace.work(0, 40, "ncclKernel", COMMUNICATION, device=1, rank=1)
    table = communication_overlap(device_time(trace.profile()))
    assert table.rank.tolist() == [0, 1]
    assert table.share.tolist() == [0.5, 0.0]


def test_partly_overlapping_slices_of_one_stream_count_once() -> None:
    trace = GpuTrace()
    trace.work(0, 30)
    trace.work(20, 50)
    trace.work(10, 15)
    profile = trace.profile()
    assert device_time(profile).busy_ns.tolist() == [50 * US]
    assert not len(idle_gaps(profile))
    assert kernel_statistics(profile).time_ns.tolist() == [65 * US]


@pytest.mark.parametrize("within", [None, (0, 100 * US)])
def test_no_kernels(within: TimeRange | None) -> None:
    trace = GpuTrace()
    trace.host(0, 10, "cudaLaunchKernel", correlation=1)
    profile = trace.profile()
    for empty in (
        device_time(profile, within),
        idle_gaps(profile),
        launches(profile, within),
        kernel_statistics(profile, within),
        queue_length(profile.trace.slices, launches(profile)),
    ):
        assert not len(empty)
    assert launch_summary(profile.trace.slices, launches(profile)).count == 0
    assert not len(device_time(Profile("nothing")))


def test_a_stream_with_records_alone_is_idle() -> None:
    trace = GpuTrace()
    trace.work(0, 10, "Stream Sync", SliceKind.RUNTIME)
    assert device_time(trace.profile()).busy_ns.tolist() == [0]
    assert device_time(trace.profile(), (0, 5 * US)).idle_ns.tolist() == [5 * US]


def test_one_kernel_and_one_of_no_length() -> None:
    trace = GpuTrace()
    trace.work(5, 9, "a")
    trace.work(7, 7, "b")
    profile = trace.profile()
    time = device_time(profile)
    assert (time.busy_ns.tolist(), time.idle_ns.tolist()) == ([4 * US], [0])
    table = kernel_statistics(profile, (6 * US, 8 * US))
    assert table.time_ns.tolist() == [2 * US, 0]
    assert table.longest_ns.tolist() == [4 * US, 0]


def test_kernels_are_told_apart_by_device_and_type_and_name() -> None:
    trace = GpuTrace()
    for begin, end in ((0, 2), (10, 16)):
        trace.work(begin, end, "a")
    trace.work(20, 29, "b")
    trace.work(30, 31, "a", device=1)
    trace.work(40, 42, "a", rank=1)
    profile = trace.profile()
    table = kernel_statistics(profile)
    assert [profile.strings[name] for name in table.name.tolist()] == ["b", "a", "a", "a"]
    assert list(zip(table.rank.tolist(), table.device.tolist(), strict=True)) == [
        *((0, 0), (0, 0), (0, 1), (1, 0)),
    ]
    assert table.time_ns.tolist() == [9 * US, 8 * US, 1 * US, 2 * US]
    assert table.mean_ns[1] == 4 * US
    assert (table.longest_ns[1], table.shortest_ns[1]) == (6 * US, 2 * US)


def test_causes_of_idle_time() -> None:
    trace = GpuTrace()
    trace.host(0, 2, "cudaLaunchKernel", correlation=1)
    trace.work(5, 20, correlation=1)
    trace.host(3, 4, "cudaLaunchKernel", correlation=2)
    trace.work(25, 30, correlation=2)  # launched early, 5 µs after its predecessor
    trace.host(40, 42, "cudaLaunchKernel", correlation=3)
    trace.work(45, 50, correlation=3)  # launched 10 µs after its predecessor ended
    trace.host(43, 44, "cudaLaunchKernel", correlation=4)
    trace.work(80, 90, correlation=4)  # launched in time, yet 30 µs later
    trace.work(100, 110)  # no launch recorded
    profile = trace.profile()
    gaps = idle_gaps(profile)
    assert (gaps.begin_ns // US).tolist() == [20, 30, 50, 90]
    assert (gaps.end_ns // US).tolist() == [25, 45, 80, 100]
    assert gaps.cause.tolist() == [
        *(IdleCause.KERNEL_WAIT, IdleCause.HOST_WAIT, IdleCause.OTHER, IdleCause.KERNEL_WAIT),
    ]
    slices = profile.trace.slices
    assert (slices.start_ns[gaps.after] == gaps.end_ns).all()
    ends = slices.start_ns + slices.duration_ns
    assert (ends[gaps.before] == gaps.begin_ns).all()
    (by_cause,) = idle_by_cause(gaps).values()
    assert (by_cause // US).tolist() == [15, 15, 30]
    (by_cause,) = idle_by_cause(gaps, (35 * US, 60 * US)).values()
    assert (by_cause // US).tolist() == [10, 0, 10]
    assert idle_gaps(profile, kernel_wait_ns=1).cause.tolist()[0] == IdleCause.OTHER


def test_the_gap_begins_where_the_longest_ends() -> None:
    trace = GpuTrace()
    trace.work(0, 50, "long")
    trace.work(10, 20, "short")
    trace.work(60, 70, "next")
    trace.work(0, 5, "elsewhere", stream="stream 9")
    trace.work(200, 205, "elsewhere", stream="stream 9")
    profile = trace.profile()
    gaps = idle_gaps(profile)
    names = [profile.strings[int(profile.trace.slices.name[row])] for row in gaps.before]
    assert names == ["long", "elsewhere"]
    assert ((gaps.end_ns - gaps.begin_ns) // US).tolist() == [10, 195]


def test_launch_delays_and_queue() -> None:
    trace = GpuTrace()
    trace.host(0, 10, "cudaLaunchKernel", correlation=1)
    trace.host(10, 80, "cudaLaunchKernel", correlation=2)
    trace.host(80, 81, "cudaGraphLaunch", correlation=3)
    trace.work(5, 20, "starts while its call runs", correlation=1)
    trace.work(200, 260, "waits", correlation=2)
    trace.work(260, 270, "graph", correlation=3)
    trace.work(270, 271, "graph", correlation=3)
    trace.work(300, 301, "launched by nobody")
    profile = trace.profile()
    slices, table = profile.trace.slices, launches(profile)
    assert (table.delay_ns // US).tolist() == [0, 120, 179, 189]
    summary = launch_summary(slices, table)
    assert (summary.count, summary.longest_delay_ns) == (4, 189 * US)
    assert summary.short_work == 1
    queue = queue_length(slices, table)
    assert (queue.time_ns // US).tolist() == [0, 5, 10, 80, 80, 200, 260, 270]
    assert queue.length.tolist() == [1, 0, 1, 2, 3, 2, 1, 0]
    assert len(launches(profile, (265 * US, 400 * US))) == 2


def test_a_record_on_a_stream_launches_nothing() -> None:
    trace = GpuTrace()
    trace.work(0, 1, "Stream Sync", SliceKind.RUNTIME, correlation=4, stream="stream 9")
    trace.work(5, 6, correlation=4)
    assert not len(launches(trace.profile()))
