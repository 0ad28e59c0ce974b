"""On real traces the GPU figures are HolisticTraceAnalysis's (HTA 0.5.0), or the reason is here.

HTA chooses differently before it measures, and its choices are applied to our tables first
(`gpu_traces`): times rounded to whole microseconds, inwards; device work of the last profiler step
and work without a recorded launch dropped where there are several steps, since a trace may end in
the middle of one. We measure all that was recorded, to the nanosecond.

What differs after that:

- HTA counts synchronisation records (category cuda_sync) that Kineto draws on streams as device
  time. The device runs nothing for them; here they are not work.
- In triton_example it takes the host's operator for a kernel, since that has an argument "stream".
- On a stream whose slices partly overlap, it subtracts the overlap from the idle time.
- It sorts queue events with an unstable sort, so that a launch and a start at the same microsecond
  come in any order. Here the launch comes first; its mean lies between the two orders.
- Once it sums the rest of a type's kernels into "others", its maximum, minimum, mean and deviation
  are those of the names' sums. Only sums are compared then. The kept results end after twelve rows.
- Zero-length combinations of types are listed there and left out here.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profilers.analysis.communication import communication_overlap
from profilers.analysis.device.idle_time import IdleCause, idle_by_cause, idle_gaps
from profilers.analysis.device.kernel_breakdown import kernel_statistics
from profilers.analysis.device.launches import QueueLength, launches, queue_length
from profilers.analysis.device.time import device_time, time_by_cover
from profilers.analysis.device.work import work_rows
from profilers.opening import open_path
from profilers.profile import WORK_KINDS, Profile, SliceKind
from tests.profilers.analysis.gpu_traces import (
    launched_as_hta_knows,
    stream_numbers,
    whole_microseconds,
    with_event_waits,
    with_records_as_work,
    without_last_step,
)

US = 1_000
NAMES = {
    SliceKind.KERNEL: "COMPUTATION",
    SliceKind.COMMUNICATION: "COMMUNICATION",
    SliceKind.COPY: "MEMORY",
}
TRACES = [
    "a100_train_control.json.gz",
    "a100_train_test.json.gz",
    "v100_resnet_ns.json.gz",
    "simple_add.json.gz",
    "alexnet.json.gz",
    "df_index_resolver.json.gz",
    "sampled_rank0.json.gz",
]


@cache
def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def chosen(path: Path) -> Profile:
    return without_last_step(whole_microseconds(opened(path)))


def results(folder: Path, file: str, measure: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "hta_0.5.0_results.json").read_text())[file][
        measure
    ]
    return found


@pytest.mark.parametrize("file", TRACES)
def test_temporal_breakdown(shared_data: Path, file: str) -> None:
    time = device_time(with_records_as_work(chosen(shared_data / file)))
    (expected,) = results(shared_data, file, "temporal_breakdown")
    assert len(time) == 1
    assert time.compute_ns[0] == expected["compute_time(us)"] * US
    assert time.idle_ns[0] == expected["idle_time(us)"] * US
    assert time.end_ns[0] - time.begin_ns[0] == expected["kernel_time(us)"] * US
    assert time.busy_ns[0] - time.compute_ns[0] == expected["non_compute_time(us)"] * US


@pytest.mark.parametrize("file", TRACES)
def test_idle_breakdown(shared_data: Path, file: str) -> None:
    profile = chosen(shared_data / file)
    ours = idle_by_cause(idle_gaps(profile))
    streams = dict(zip(stream_numbers(profile, ours), ours.items(), strict=True))
    rows = results(shared_data, file, "idle_time_breakdown")
    assert {row["stream"] for row in rows if row["idle_time"]} == set(streams)
    for row in rows:
        if row["stream"] not in streams:
            continue
        track, by_cause = streams[row["stream"]]
        cause = IdleCause[row["idle_category"].upper()]
        overlap_ns = negative_gaps_ns(profile, track) if cause == IdleCause.KERNEL_WAIT else 0
        assert by_cause[cause] - overlap_ns == row["idle_time"] * US, row


def negative_gaps_ns(profile: Profile, track: int) -> int:
    """How far starts on one stream lie before the end of the slice before, summed."""
    slices = profile.trace.slices
    rows = work_rows(profile)
    rows = rows[slices.track[rows] == track]
    ends = slices.start_ns[rows] + slices.duration_ns[rows]
    return int(np.maximum(ends[:-1] - slices.start_ns[rows[1:]], 0).sum())


def test_only_one_trace_needs_the_overlap(shared_data: Path) -> None:
    needing = {
        file
        for file in TRACES
        for profile in [chosen(shared_data / file)]
        for track in idle_by_cause(idle_gaps(profile))
        if negative_gaps_ns(profile, track)
    }
    assert needing == {"a100_train_test.json.gz"}


@pytest.mark.parametrize("file", TRACES)
def test_kernel_types(shared_data: Path, file: str) -> None:
    profile = with_event_waits(chosen(shared_data / file))
    ours = {
        " overlapping ".join(
            NAMES[kind] for bit, kind in enumerate(WORK_KINDS) if cover >> bit & 1
        ): time_ns
        for cover, time_ns in enumerate(time_by_cover(profile, work_rows(profile)).tolist())
        if time_ns
    }
    expected = {
        row["kernel_type"]: row["sum"] * US
        for row in results(shared_data, file, "kernel_type")
        if row["sum"]
    }
    assert ours == expected


@pytest.mark.parametrize("file", TRACES)
@pytest.mark.parametrize("kind", NAMES)
def test_top_kernels(shared_data: Path, file: str, kind: SliceKind) -> None:
    profile = with_event_waits(chosen(shared_data / file))
    table = kernel_statistics(profile)
    table = table.take(table.kind == kind)
    at = {profile.strings[name]: row for row, name in enumerate(table.name.tolist())}
    expected = [
        row
        for row in results(shared_data, file, "top_kernels")
        if row["kernel_type"] == NAMES[kind]
    ]
    named = [row for row in expected if row["name"] != "others"]
    for row in named:
        assert table.time_ns[at[row["name"]]] == row["sum (us)"] * US
    for row in expected:
        if row["name"] == "others":
            rest = table.time_ns[top_count(table.time_ns) :]
            assert rest.sum() == row["sum (us)"] * US
            assert rest.max() == row["max (us)"] * US
            assert rest.std(ddof=1) == pytest.approx(row["stddev"] * US, rel=1e-9)
    if len(named) == len(expected) and len(at) <= 10:
        for row in named:
            here = at[row["name"]]
            assert table.longest_ns[here] == row["max (us)"] * US
            assert table.shortest_ns[here] == row["min (us)"] * US
            assert table.mean_ns[here] == pytest.approx(row["mean (us)"] * US, rel=1e-9)


def top_count(sums_ns: np.ndarray) -> int:
    """How many names HTA keeps apart: ten at most, and those of the first 80 % of running sums."""
    running = np.cumsum(sums_ns)
    return min(10, int((running <= np.quantile(running, 0.8)).sum()))


@pytest.mark.parametrize("file", TRACES)
def test_queue_length(shared_data: Path, file: str) -> None:
    profile = launched_as_hta_knows(chosen(shared_data / file))
    ours = queue_length(profile.trace.slices, launches(profile))
    tracks = np.unique(ours.track).tolist()
    rows = results(shared_data, file, "queue_length")
    of_stream = {row["('stream', '')"]: row for row in rows}
    assert set(stream_numbers(profile, tracks)) == set(of_stream)
    for track, stream in zip(tracks, stream_numbers(profile, tracks), strict=True):
        expected = {
            name: of_stream[stream][f"('queue_length', '{name}')"]
            for name in ("count", "mean", "std", "min", "25%", "50%", "75%", "max")
        }
        on_track = ours.take(ours.track == track)
        length = on_track.length
        assert len(length) == expected["count"]
        assert length.max() == expected["max"]
        assert length[-1] == 0 <= length.min() == expected["min"]
        assert starts_first(on_track).mean() <= expected["mean"] + 1e-9
        assert expected["mean"] <= length.mean() + 1e-9
        assert length.std(ddof=1) == pytest.approx(expected["std"], rel=0.02)
        quartiles = [expected[name] for name in ("25%", "50%", "75%")]
        assert np.abs(np.percentile(length, [25, 50, 75]) - quartiles).max() <= 1


def starts_first(queue: QueueLength) -> np.ndarray:
    """Lengths as they are if at each moment the starts come before the launches."""
    changes = np.diff(queue.length, prepend=0)
    return np.cumsum(changes[np.lexsort((changes, queue.time_ns))])


@pytest.mark.parametrize("file", [*TRACES, "triton_example.json.gz"])
def test_communication_overlap(shared_data: Path, file: str) -> None:
    (share,) = communication_overlap(device_time(chosen(shared_data / file))).share
    (row,) = results(shared_data, file, "comm_comp_overlap")
    expected = row["comp_comm_overlap_pctg"]
    if expected is None:
        assert np.isnan(share)
    else:
        assert round(100 * share, 2) == expected


@pytest.mark.parametrize("file", TRACES)
def test_launch_statistics(shared_data: Path, file: str) -> None:
    profile = chosen(shared_data / file)
    slices, table = profile.trace.slices, launches(profile)
    rows = {int(slices.correlation[work]): at for at, work in enumerate(table.work.tolist())}
    expected = results(shared_data, file, "launch")
    assert len(expected) == 10
    for row in expected:
        at = rows[row["correlation"]]
        assert slices.duration_ns[table.call[at]] == row["cpu_duration"] * US
        assert slices.duration_ns[table.work[at]] == row["gpu_duration"] * US
        assert table.delay_ns[at] == row["launch_delay"] * US


def test_a_host_operator_is_no_kernel(shared_data: Path) -> None:
    path = shared_data / "triton_example.json.gz"
    base_ns = json.loads(gzip.decompress(path.read_bytes()))["baseTimeNanoseconds"]
    profile = whole_microseconds(opened(path), base_ns)
    slices = profile.trace.slices
    named = slices.name == profile.strings.find("triton_poi_fused_add_cos_sin_0")
    on_host = named & (slices.kind != SliceKind.KERNEL)
    (row,) = results(shared_data, path.name, "temporal_breakdown")
    assert slices.duration_ns[on_host].tolist() == [row["compute_time(us)"] * US]
    (row,) = results(shared_data, path.name, "top_kernels")
    assert slices.duration_ns[named].sum() == row["sum (us)"] * US
    time = device_time(profile)
    assert time.compute_ns.tolist() == [row["min (us)"] * US]
