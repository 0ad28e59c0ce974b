"""xplane.pb files: a real one from TensorFlow's profiler, and made ones for devices and hosts."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from profilers.errors import DamagedFile
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.profile import MemoryCategory, Profile, SliceKind, TrackKind, decode
from profilers.traces import reader_of, xplane
from tests.conftest import ROOT, CaptureFolder
from tests.profilers.traces.made_xspace import START_NS, MadeSpace


@pytest.fixture(scope="module")
def real(capture_folder: CaptureFolder, tf_files: Path) -> Path:
    """A trace of five steps of the small CNN."""
    return capture_folder(tf_files / "cnn.keras", "keras") / "xplane.pb"


def read(path: Path) -> Profile:
    return xplane.read(path, lambda fraction: None)


def names(profile: Profile, kind: SliceKind) -> Counter[str]:
    slices = profile.trace.slices
    return Counter(profile.strings[name] for name in slices.name[slices.kind == kind])


def made_gpu_space(shift_ns: int = 0) -> MadeSpace:
    """A launch on the host, its kernel and a copy on a GPU stream, and a derived line."""
    space = MadeSpace()
    host = space.plane("/host:CPU")
    python = host.line("python")
    host.event(python, "cuLaunchKernel", 1000, 500, correlation_id=7)
    gpu = space.plane("/device:GPU:0")
    stream = gpu.line("Stream #16(Compute)")
    gpu.event(stream, "ampere_sgemm", 2000, 3000, correlation_id=7, tf_op="dense/MatMul:MatMul")
    gpu.event(stream, "MemcpyH2D", 6000, 400, correlation_id=8)
    derived = gpu.line("TensorFlow Ops")
    gpu.event(derived, "dense/MatMul:MatMul", 2000, 3000)
    space.started(START_NS + shift_ns)
    return space


def test_a_real_trace_is_recognised_by_content(real: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "trace.bin"
    renamed.write_bytes(real.read_bytes())
    assert reader_of(Probe(renamed)) is xplane
    assert isinstance(open_path(renamed), Profile)


@pytest.mark.parametrize("name", ["cnn_frozen.pb", "cnn_saved/saved_model.pb", "cnn.keras"])
def test_other_protobufs_are_not_taken_for_traces(tf_files: Path, name: str) -> None:
    assert not xplane.matches(Probe(tf_files / name))


def test_reading_needs_no_tensorflow(real: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from profilers.traces import xplane\n"
        "profile = xplane.read(Path(sys.argv[1]), lambda fraction: None)\n"
        "assert len(profile.trace.slices) and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(real)], cwd=ROOT, check=True)


def test_operators_steps_and_threads_of_a_real_trace(real: Path) -> None:
    profile = read(real)
    operators = names(profile, SliceKind.OPERATOR)
    assert operators["cnn_1/stem_1/BiasAdd:_MklNativeFusedConv2D"] == 5
    assert all(":" in name for name in operators)
    assert profile.steps.number.tolist() == [0, 1, 2, 3, 4]
    assert (profile.steps.duration_ns > 10_000).all()
    slices = profile.trace.slices
    inside = slices.kind == SliceKind.OPERATOR
    assert (slices.step[inside] >= 0).all()
    assert set(profile.trace.tracks.kind.tolist()) == {TrackKind.THREAD}
    tracks = {profile.strings[name] for name in profile.trace.tracks.name}
    assert any(name.startswith("python") for name in tracks)  # the thread that called
    shown = {profile.strings[name] for name in slices.name}
    assert not any("ThreadpoolListener" in name or name.startswith("end: ") for name in shown)


def test_the_clock_is_the_wall_clock(real: Path) -> None:
    profile = read(real)
    age_s = time.time() - profile.start_unix_ns / 1e9
    assert 0 < age_s < 3600
    assert 0 <= profile.trace.slices.start_ns.min() < 1e9


def test_producers_lead_to_consumers(real: Path) -> None:
    profile = read(real)
    flows, slices = profile.trace.flows, profile.trace.slices
    pairs = {
        (profile.strings[slices.name[a]], profile.strings[slices.name[b]])
        for a, b in zip(flows.source, flows.target, strict=True)
    }
    assert ("FunctionRun", "ExecutorState::Process") in pairs
    assert (slices.start_ns[flows.source] <= slices.start_ns[flows.target]).all()


def test_allocations_are_paired_with_their_frees(real: Path) -> None:
    profile, operations = xplane.read_with_operations(real, lambda fraction: None)
    allocations = profile.memory.allocations
    assert len(operations) == len(allocations) > 20
    assert "cnn_1/stem_1/BiasAdd" in operations
    assert (allocations.freed_ns > allocations.allocated_ns).all()
    freed = allocations.freed_ns < 2**62
    assert freed.mean() > 0.9
    assert (allocations.category == MemoryCategory.ACTIVATION).any()
    conv = operations.index("cnn_1/stem_1/BiasAdd")
    assert allocations.bytes[conv] >= 32 * 32 * 16 * 4 or "temp" in operations


def test_a_gpu_plane_has_streams_kernels_and_launches(tmp_path: Path) -> None:
    profile = read(made_gpu_space().write(tmp_path / "gpu.xplane.pb"))
    assert names(profile, SliceKind.KERNEL) == {"ampere_sgemm": 1}
    assert names(profile, SliceKind.COPY) == {"MemcpyH2D": 1}
    assert names(profile, SliceKind.RUNTIME) == {"cuLaunchKernel": 1}
    assert names(profile, SliceKind.SCOPE) == {"dense/MatMul:MatMul": 1}  # never counted twice
    slices, tracks = profile.trace.slices, profile.trace.tracks
    kernel = int(np.flatnonzero(slices.kind == SliceKind.KERNEL)[0])
    stream = slices.track[kernel]
    assert tracks.kind[stream] == TrackKind.STREAM
    assert tracks.device[stream] == 0
    assert (slices.start_ns[kernel], slices.duration_ns[kernel]) == (2000, 3000)
    assert decode(profile.trace.arguments, kernel)["tf_op"] == "dense/MatMul:MatMul"
    flow = profile.trace.flows
    assert [profile.strings[kind] for kind in flow.kind] == ["launch"]
    assert flow.target.tolist() == [kernel]


def test_hosts_of_one_run_share_a_clock(tmp_path: Path) -> None:
    made_gpu_space().write(tmp_path / "a.xplane.pb")
    made_gpu_space(shift_ns=5000).write(tmp_path / "b.xplane.pb")
    profile = read(tmp_path)
    assert profile.start_unix_ns == START_NS
    slices, tracks = profile.trace.slices, profile.trace.tracks
    kernels = slices.take(slices.kind == SliceKind.KERNEL)
    assert sorted(kernels.start_ns.tolist()) == [2000, 7000]
    assert sorted(tracks.rank[kernels.track].tolist()) == [0, 1]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.999])
def test_a_cut_trace_is_refused(real: Path, tmp_path: Path, share: float) -> None:
    whole = real.read_bytes()
    cut = tmp_path / "cut.xplane.pb"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DamagedFile, match="cut"):
        read(cut)


def test_a_trace_without_planes_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.xplane.pb"
    empty.write_bytes(b"")
    with pytest.raises(DamagedFile):
        read(empty)


def test_changed_bytes_are_refused_or_read_but_never_crash(real: Path, tmp_path: Path) -> None:
    whole, changed = real.read_bytes(), tmp_path / "changed.xplane.pb"
    rng = random.Random(0)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        changed.write_bytes(data)
        try:
            profile = read(changed)
        except DamagedFile:
            continue
        for row in range(0, len(profile.trace.slices), 50):
            decode(profile.trace.arguments, row)


def test_a_step_number_out_of_range_is_told(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    line = host.line("python")
    host.event(line, "train", 0, 10, step_num=2**40)
    host.event(line, "train", 20, 10, step_num=7)
    profile = read(space.write(tmp_path / "steps.xplane.pb"))
    assert profile.steps.number.tolist() == [7]
    assert names(profile, SliceKind.STEP) == {"train": 2}
    (told,) = [each for each in profile.diagnostics if "number" in each.message]
    assert told.count == 1


def test_an_impossible_start_of_the_profile_is_ignored(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    host.event(host.line("python"), "work", 100, 1)
    task = space.plane("Task Environment").message
    task.stat_metadata.add(key=1).value.name = "profile_start_time"
    task.stats.add(metadata_id=1, uint64_value=2**64 - 1)
    profile = read(space.write(tmp_path / "start.xplane.pb"))
    assert profile.start_unix_ns == 0
    assert profile.trace.slices.start_ns.tolist() == [100]
