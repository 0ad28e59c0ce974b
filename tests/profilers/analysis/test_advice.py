"""Findings with figures, on real traces and captures; none where nothing is wrong."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.advice import Finding, findings
from profilers.analysis.device.idle_time import IdleCause, idle_gaps
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.segments import segment_map
from profilers.analysis.peaks import peak_of
from profilers.analysis.roofline import roofline
from profilers.analysis.wall_time import wall_time
from profilers.opening import open_path
from profilers.profile import (
    NEVER_NS,
    Allocations,
    FusionBreaks,
    Memory,
    MemoryCategory,
    MemoryCounters,
    Profile,
    SliceKind,
)
from profilers.runtimes.processor_wait import WAIT_FACT
from tests.conftest import ROOT, Capture
from tests.profilers.traces.memory_snapshots import PooledAllocator, snapshot
from tests.sample import MIB, MS, sample_profile


def found_in(profile: Profile) -> dict[str, Finding]:
    found = {each.id: each for each in findings(profile)}
    slices, nodes = len(profile.trace.slices), len(profile.authored.nodes)
    for each in found.values():
        assert each.cost_ns > 0 or each.cost_bytes > 0
        assert each.share > 0 or each.id == "recompiles"
        assert each.what[-1] in ".)"
        assert each.advice.endswith(".")
        assert all(0 <= row < slices for row in each.slices)
        assert all(0 <= node < nodes for node in each.nodes)
    return found


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def test_a_rank_that_waits_and_communicates_is_told(shared_data: Path) -> None:
    profile = opened(shared_data / "sampled_rank0.json.gz")
    found = found_in(profile)
    waiting = found["waiting-for-host"]
    gaps = idle_gaps(profile)
    late = gaps.take(gaps.cause == IdleCause.HOST_WAIT)
    assert waiting.slices[0] in late.after.tolist()
    assert 0.4 < waiting.share < 0.7
    exposed = found["exposed-communication"]
    kinds = profile.trace.slices.kind[list(exposed.slices)]
    assert set(kinds.tolist()) == {SliceKind.COMMUNICATION}
    assert "no computation hides" in exposed.what


def test_a_full_queue_is_no_small_kernel(shared_data: Path) -> None:
    found = found_in(opened(shared_data / "a100_train_test.json.gz"))
    assert "small-kernels" not in found
    assert "waiting-for-host" not in found
    for each in found.values():
        assert each.share < 1


@pytest.mark.parametrize(
    "name", ["v100_resnet_ns", "a100_train_control", "df_index_resolver", "mtia_rank_0"]
)
def test_costs_are_parts_of_the_step(shared_data: Path, name: str) -> None:
    profile = opened(shared_data / f"{name}.json.gz")
    assert all(each.share <= 1 for each in found_in(profile).values())


def test_transposes_and_casts_of_a_real_run_are_told(capture: Capture, onnx_files: Path) -> None:
    profile = capture(onnx_files / "block.onnx", "onnxruntime")
    found = found_in(profile)
    strings, names, wall = profile.strings, profile.trace.slices.name, wall_time(profile)
    for kind, word in (("layout", "Transpose"), ("casts", "Cast")):
        share = wall.slice_ns[names == strings.find(word)].sum() / wall.whole_ns
        assert share > 0
        if share >= 0.02:  # what it is depends on what else the machine does
            assert {strings[int(names[row])] for row in found[kind].slices} >= {word}
            assert found[kind].share >= share * (1 - 1e-9)


def test_breaks_of_the_compiler_cost_what_the_run_tells() -> None:
    sample = sample_profile()
    strings = [*sample.strings, "graph break", "recompile", "fallback", "It calls .item()."]
    base = len(sample.strings)
    rows = [(base, base + 3, -1, 1), (base + 1, base + 3, -1, -1), (base + 2, base + 3, -1, 1)]
    fusion = replace(sample.fusion, breaks=FusionBreaks.from_rows(rows))
    profile = replace(sample, fusion=fusion, strings=type(sample.strings)(strings))
    found = found_in(profile)
    assert found["graph-breaks"].nodes == (1,)
    assert "It calls .item()." in found["graph-breaks"].what
    assert found["recompiles"].cost_ns > 0
    fallback = found["fallback"]
    assert set(profile.trace.slices.node[list(fallback.slices)].tolist()) == {1}
    assert not {"graph-breaks", "recompiles"} & set(found_in(sample))


def test_memory_that_grows_in_every_step_is_told() -> None:
    sample = sample_profile(steps=5)
    operators = np.flatnonzero(sample.trace.slices.kind == SliceKind.OPERATOR)
    cpu = next(row for row, text in enumerate(sample.strings) if text == "cpu")
    rows = [
        (
            step * 10 * MS + MS,
            NEVER_NS,
            MS,
            cpu,
            MemoryCategory.ACTIVATION,
            int(operators[0]),
            -1,
            -1,
        )
        for step in range(5)
    ]
    profile = replace(
        sample, memory=Memory("made", Allocations.from_rows(rows), MemoryCounters.empty())
    )
    growing = found_in(profile)["growing-memory"]
    assert growing.cost_bytes == MS
    assert growing.slices == (int(operators[0]),)
    assert "growing-memory" not in found_in(sample)


def test_memory_that_lies_free_in_pieces_is_told(tmp_path: Path) -> None:
    allocator = PooledAllocator()
    blocks = [allocator.alloc(2 * MIB) for _ in range(10)]  # a segment of 20 MiB, full
    for block in blocks[::2]:
        allocator.free(block)
    allocator.alloc(12 * MIB)  # fits into no hole: a second segment
    path = tmp_path / "holes.pickle"
    path.write_bytes(pickle.dumps(snapshot(allocator)))
    told = found_in(opened(path))["fragmentation"]
    assert told.cost_bytes == (10 + 8) * MIB
    assert told.share == pytest.approx(18 / 40)
    assert "18 MiB of 40 MiB reserved lie free between blocks in use (45.0 %)" in told.what
    assert "largest free piece is 8 MiB" in told.what


def test_a_real_allocator_that_holds_few_holes_is_not_blamed() -> None:
    """Adam's step on an H100: at the peak 1.2 % of what is reserved lies free."""
    profile = opened(ROOT / "tests" / "data" / "gpu" / "allocator.pickle")
    curve = memory_curve(profile)
    at_peak = segment_map(profile, curve.device, curve.peak_ns)
    assert at_peak.reserved_bytes > curve.peak_bytes
    assert 0 < at_peak.split_bytes < 0.02 * at_peak.reserved_bytes
    assert "fragmentation" not in found_in(profile)


def test_kernels_far_from_what_the_gpu_allows_are_told() -> None:
    sample = sample_profile()
    on_gpu = replace(
        sample, environment=replace(sample.environment, facts={"GPU": "NVIDIA A100-SXM4-40GB"})
    )
    far = found_in(on_gpu)["far-from-roof"]
    peak = peak_of(on_gpu)
    assert peak is not None
    found = roofline(on_gpu, peak)
    conv = {node for node in far.nodes if sample.authored.nodes.flops[node] == 9_000_000}
    assert len(conv) == 4
    row = found.main.index(far.nodes[0])
    bytes_moved = 4 * 16 * 32 * 32 * 4 + 9216  # the normalisation lies between what is fused
    assert found.bytes[row] == bytes_moved
    assert found.least_ns[row] == pytest.approx(
        max(9_000_000 / peak.float32, bytes_moved / peak.bandwidth) * 1e9
    )
    assert "A100" in far.what
    assert "far-from-roof" not in found_in(sample)


def test_threads_that_share_their_processors_with_other_programs_are_told(
    capture: Capture, torch_files: Path
) -> None:
    models = str(ROOT / "tests" / "models")
    profile = capture(torch_files / "block.pt", "torch-eager", source_folder=models, threads=2)
    facts = profile.environment.facts
    assert facts["Threads"].startswith("2 of ")

    def told(threads: str, waited: str) -> Finding | None:
        changed = facts | {"Threads": threads, WAIT_FACT: waited}
        environment = replace(profile.environment, facts=changed)
        return found_in(replace(profile, environment=environment)).get("contended-threads")

    found = told("2 of 2", "40 % of the time")
    assert found is not None
    assert found.share == 0.4
    assert "40.0 %" in found.what
    assert told("1 of 2", "40 % of the time") is None
    assert told("2 of 2", "2 % of the time") is None


def test_nothing_is_found_in_nothing() -> None:
    assert findings(Profile("empty")) == ()
