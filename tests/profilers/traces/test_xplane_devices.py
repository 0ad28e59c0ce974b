"""GPU and TPU planes, put together in the layout that `made_xspace` tells the sources of."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.device.work import work_rows
from profilers.profile import Profile, SliceKind, TrackKind, decode
from profilers.traces import xplane
from tests.profilers.traces.made_xspace import START_NS, MadeSpace

HLO = "%fusion.7 = f32[8,8]{1,0} fusion(f32[8,8]{1,0} %p), kind=kLoop"


def read(space: MadeSpace, folder: Path) -> Profile:
    return xplane.read(space.write(folder / "made.xplane.pb"), lambda fraction: None)


def kinds(profile: Profile) -> dict[str, SliceKind]:
    slices = profile.trace.slices
    return {
        profile.strings[name]: SliceKind(kind)
        for name, kind in zip(slices.name.tolist(), slices.kind.tolist(), strict=True)
    }


def row_named(profile: Profile, name: str) -> int:
    (row,) = np.flatnonzero(profile.trace.slices.name == profile.strings.find(name)).tolist()
    return row


def worked(profile: Profile) -> Counter[str]:
    names = profile.trace.slices.name[work_rows(profile)]
    return Counter(profile.strings[name] for name in names.tolist())


def test_what_runs_on_a_stream_has_the_kinds_of_other_readers(tmp_path: Path) -> None:
    space = MadeSpace()
    gpu = space.plane("/device:GPU:3")
    stream = gpu.line("Stream #7(Compute,MemcpyH2D,Memset)")
    for place, name in enumerate(
        (
            "volta_sgemm",
            "MemcpyD2H",
            "Memset",
            "ncclDevKernel_AllReduce_Sum",
            "Overhead",
            "MemoryAlloc",
        )
    ):
        gpu.event(stream, name, 100 * place, 50)
    profile = read(space, tmp_path)
    assert kinds(profile) == {
        "volta_sgemm": SliceKind.KERNEL,
        "MemcpyD2H": SliceKind.COPY,
        "Memset": SliceKind.COPY,
        "ncclDevKernel_AllReduce_Sum": SliceKind.COMMUNICATION,
        "Overhead": SliceKind.OVERHEAD,
        "MemoryAlloc": SliceKind.OTHER,
    }
    assert profile.trace.tracks.device.tolist() == [3]
    assert profile.strings[profile.trace.tracks.process[0]] == "GPU 3"


def test_lines_derived_from_streams_are_not_counted_again(tmp_path: Path) -> None:
    space = MadeSpace()
    gpu = space.plane("/device:GPU:0")
    gpu.event(gpu.line("Stream #16(Compute)"), "loop_fusion", 0, 900)
    derived = (
        *("Steps", "XLA Modules", "XLA Ops", "TensorFlow Name Scope", "Framework Ops"),
        *("Source code", "XLA Ops - from #16"),
    )
    for line in derived:
        gpu.event(gpu.line(line), f"of {line}", 0, 1000)
    profile = read(space, tmp_path)
    assert worked(profile) == {"loop_fusion": 1}
    tracks = profile.trace.tracks
    streams = [profile.strings[name] for name in tracks.name[tracks.kind == TrackKind.STREAM]]
    assert streams == ["Stream #16(Compute)"]


def test_a_cuda_graph_counts_where_its_kernels_were_not_traced(tmp_path: Path) -> None:
    space = MadeSpace()
    gpu = space.plane("/device:GPU:0")
    stream = gpu.line("Stream #16(CudaGraph)")
    gpu.event(stream, "CudaGraph", 0, 1000)
    gpu.event(stream, "loop_fusion", 100, 300)
    gpu.event(stream, "CudaGraph", 2000, 1000)
    assert worked(read(space, tmp_path)) == {"loop_fusion": 1, "CudaGraph": 1}


def test_the_operations_of_a_tpu_are_its_work(tmp_path: Path) -> None:
    space = MadeSpace()
    tpu = space.plane("/device:TPU:1")
    tpu.type_id(HLO, "fusion.7", flops=128)
    steps, modules = tpu.line("Steps"), tpu.line("XLA Modules")
    operations, asynchronous = tpu.line("XLA Ops"), tpu.line("Async XLA Ops")
    tpu.event(steps, "4", 0, 1000)
    tpu.event(modules, "jit_step(77)", 0, 1000)
    tpu.event(operations, "while.2", 0, 500)
    event = operations.events.add(
        metadata_id=tpu.type_id(HLO, "fusion.7"), offset_ps=10_000, duration_ps=100_000
    )
    tpu.add_stats(event, {"run_id": 5})
    tpu.event(operations, "all-reduce.1", 600, 100)
    tpu.event(asynchronous, "copy-start.9", 50, 400)
    tpu.event(asynchronous, "copy-start.8", 60, 100)
    profile = read(space, tmp_path)
    assert worked(profile) == {
        "fusion.7": 1, "all-reduce.1": 1, "copy-start.9": 1, "copy-start.8": 1,
    }  # fmt: skip
    assert kinds(profile)["while.2"] == SliceKind.SCOPE
    assert kinds(profile)["all-reduce.1"] == SliceKind.COMMUNICATION
    assert kinds(profile)["copy-start.9"] == SliceKind.COPY
    assert decode(profile.trace.arguments, row_named(profile, "fusion.7")) == {
        "long_name": HLO,
        "flops": 128,
        "run_id": 5,
    }
    assert profile.steps.number.tolist() == [4]
    assert (profile.trace.slices.step == 0).all()
    assert {profile.strings[name] for name in profile.trace.tracks.process} == {"TPU 1"}


def test_the_hosts_steps_count_before_the_devices(tmp_path: Path) -> None:
    """A device's steps are numbered by groups of events, not as the program counts."""
    space = MadeSpace()
    host, gpu = space.plane("/host:CPU"), space.plane("/device:GPU:0")
    thread, stream, steps = host.line("python"), gpu.line("Stream #1"), gpu.line("Steps")
    for number in (10, 11):
        start = (number - 10) * 1000
        host.event(thread, "train", start, 900, step_num=number)
        host.event(thread, "cuLaunchKernel", start + 700, 50, correlation_id=number)
        gpu.event(stream, f"kernel {number}", start + 950, 500, correlation_id=number)
        gpu.event(steps, str(number - 10), start + 950, 500)
    profile = read(space, tmp_path)
    assert profile.steps.number.tolist() == [10, 11]
    assert profile.steps.start_ns.tolist() == [0, 1000]
    step = profile.trace.slices.step
    # A kernel belongs to the step that launched it, however late it runs.
    assert step[row_named(profile, "kernel 10")] == 0
    assert step[row_named(profile, "kernel 11")] == 1


def test_counters_have_tracks_of_their_own(tmp_path: Path) -> None:
    space = MadeSpace()
    gpu = space.plane("/device:GPU:0")
    line = gpu.line("_counters_")
    gpu.event(line, "power", 200, 0, power_mw=90.5)
    gpu.event(line, "power", 100, 0, power_mw=80.25)
    gpu.event(line, "temperature", 100, 0, gpu_temp_c=60)
    gpu.event(line, "power", 300, 0, power_mw=float("nan"))
    profile = read(space, tmp_path)
    counters, tracks = profile.trace.counters, profile.trace.tracks
    assert len(profile.trace.slices) == 0
    assert [profile.strings[name] for name in tracks.name] == ["power", "temperature"]
    assert (tracks.kind == TrackKind.COUNTER).all()
    assert counters.track.tolist() == [0, 0, 1]
    assert counters.time_ns.tolist() == [100, 200, 100]
    assert counters.value.tolist() == [80.25, 90.5, 60.0]


def test_driver_calls_and_ranges_of_the_host(tmp_path: Path) -> None:
    space = MadeSpace()
    calls, ranges = space.plane("/host:CUPTI"), space.plane("/host:NVTX-CUPTI")
    calls.event(calls.line("Host Threads/42"), "cuStreamSynchronize", 0, 10, correlation_id=1)
    ranges.event(ranges.line("Host Threads/42/NVTX"), "NVTX:forward", 0, 10)
    assert kinds(read(space, tmp_path)) == {
        "cuStreamSynchronize": SliceKind.RUNTIME,
        "NVTX:forward": SliceKind.ANNOTATION,
    }


@pytest.mark.parametrize(
    ("device", "kind"), [("", SliceKind.KERNEL), ("/device:GPU:0", SliceKind.OPERATOR)]
)
def test_instructions_on_a_host_thread(tmp_path: Path, device: str, kind: SliceKind) -> None:
    """Without a device the host computes them, else it only starts them."""
    space = MadeSpace()
    host = space.plane("/host:CPU")
    host.event(host.line("python"), "broadcast_add_fusion", 0, 10, hlo_op="broadcast_add_fusion")
    if device:
        gpu = space.plane(device)
        gpu.event(gpu.line("Stream #1"), "loop_fusion", 20, 10)
    assert kinds(read(space, tmp_path))["broadcast_add_fusion"] == kind


def test_producers_lead_to_the_first_consumer_on_each_track(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    python, pool = host.line("python"), host.line("tf_Compute")
    host.event(python, "run", 0, 10, _pt=3, _p=2**62 + 1)
    host.event(python, "other type", 20, 10, _pt=4, _p=2**62 + 1)
    host.event(pool, "second", 200, 10, _ct=3, _c=2**62 + 1)
    host.event(pool, "first", 100, 10, _ct=3, _c=2**62 + 1)
    host.event(pool, "of nobody", 300, 10, _ct=3, _c=5)
    profile = read(space, tmp_path)
    flows = profile.trace.flows
    assert flows.source.tolist() == [row_named(profile, "run")]
    assert flows.target.tolist() == [row_named(profile, "first")]


def two_hosts(folder: Path, merged: bool) -> Profile:
    """Both count their launches from 1; the second starts 500 ns later."""
    spaces = [MadeSpace()] * 2 if merged else [MadeSpace(), MadeSpace()]
    for rank, space in enumerate(spaces):
        space.message.hostnames.append(f"host-{'ab'[rank]}")
        host, gpu = space.plane("/host:CPU"), space.plane("/device:GPU:0")
        thread = host.line("python")
        host.event(thread, "train", 0, 90, step_num=1)
        host.event(thread, f"launch {rank}", 0, 10, correlation_id=1, _p=7)
        host.event(thread, f"wait {rank}", 20, 10, _c=7)
        gpu.event(gpu.line("Stream #1"), f"kernel {rank}", 100, 10, correlation_id=1)
        space.started(START_NS + 500 * rank)
        if not merged:
            space.write(folder / f"host-{'ab'[rank]}.xplane.pb")
    if merged:
        spaces[0].write(folder / "merged.xplane.pb")
        folder = folder / "merged.xplane.pb"
    return xplane.read(folder, lambda fraction: None)


def check_two_hosts(profile: Profile) -> None:
    slices, tracks = profile.trace.slices, profile.trace.tracks
    assert sorted(tracks.rank.tolist()) == [0, 0, 1, 1]
    assert {profile.strings[name] for name in tracks.process} == {
        "host-a: CPU", "host-a: GPU 0", "host-b: CPU", "host-b: GPU 0",
    }  # fmt: skip
    launched = {
        profile.strings[slices.name[source]]: profile.strings[slices.name[target]]
        for source, target, kind in zip(*profile.trace.flows.columns().values(), strict=True)
        if profile.strings[kind] == "launch"
    }
    assert launched == {"launch 0": "kernel 0", "launch 1": "kernel 1"}
    assert (tracks.rank[slices.track[profile.trace.flows.source]]
            == tracks.rank[slices.track[profile.trace.flows.target]]).all()  # fmt: skip
    assert len(set(slices.correlation[slices.correlation >= 0].tolist())) == 2
    kernels = np.flatnonzero(slices.kind == SliceKind.KERNEL)
    assert sorted(slices.start_ns[kernels].tolist()) == [100, 600]
    assert (profile.steps.start_ns.tolist(), profile.steps.duration_ns.tolist()) == ([0], [590])
    assert (slices.step[kernels] == 0).all()


def test_hosts_that_count_alike_are_told_apart(tmp_path: Path) -> None:
    check_two_hosts(two_hosts(tmp_path, merged=False))


def test_hosts_merged_into_one_file_are_told_apart(tmp_path: Path) -> None:
    check_two_hosts(two_hosts(tmp_path, merged=True))


def test_devices_and_dropped_events_are_told(tmp_path: Path) -> None:
    space = MadeSpace()
    for number in range(2):
        gpu = space.plane(f"/device:GPU:{number}")
        gpu.add_stats(gpu.message, {"gpu_device_name": "H100", "dropped_traces": "12 kernels"})
        gpu.event(gpu.line("Stream #1"), "kernel", 0, 10)
    profile = read(space, tmp_path)
    assert profile.environment.device == "H100"
    assert len(profile.diagnostics) == 2
    assert all("12 kernels" in each.message for each in profile.diagnostics)
