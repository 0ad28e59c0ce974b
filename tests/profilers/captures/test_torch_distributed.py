"""Training on several processes: real ranks over gloo, joined into one profile."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from profilers import snapshot
from profilers.analysis.collectives import COLLECTIVE_FLOW, paired_collectives
from profilers.analysis.comparison import compare
from profilers.analysis.coverage import link_coverage
from profilers.analysis.device.time import device_time
from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.memory.owners import owner_names
from profilers.analysis.rank_time import rank_rows, rank_time
from profilers.analysis.sweep import sweep_rows
from profilers.captures import read_capture
from profilers.captures.joined_ranks import joined_traces
from profilers.errors import Cancelled
from profilers.launcher import Launcher
from profilers.opening import open_path
from profilers.profile import NEVER_NS, MemoryCategory, Profile, SliceKind, TimingPhase
from profilers.profile.references import broken_references
from profilers.request import InputSpec, RunRequest
from profilers.sweeps import SWEEP_STAGE
from profilers.worker_process import Log, Progress
from tests.conftest import Capture

SOURCE = """
import os
import time

import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(64, 128)
        self.down = nn.Linear(128, 64)

    def forward(self, x):
        return x + self.down(self.up(x).relu())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Late(Net):
    def __init__(self):
        super().__init__()
        self.left_out = nn.Linear(8, 8)

    def forward(self, x):
        if os.environ.get("RANK") == "1" and torch.distributed.is_initialized():
            time.sleep(0.05)
        return super().forward(x)


class Otherwise(Net):
    def forward(self, x):
        x = super().forward(x)
        if torch.compiler.is_exporting():
            return x.tanh().sigmoid()
        for _ in range(20):
            x = x.sin() + x.exp()
        return x


class Endless(Net):
    def forward(self, x):
        while torch.distributed.is_initialized():
            time.sleep(0.1)
        return super().forward(x)
"""
X = (InputSpec("x", "float32", (8, 64)),)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("distributed") / "net.py"
    path.write_text(SOURCE)
    return path


def captured(capture: Capture, model: Path, entry: str, strategy: str) -> Profile:
    return capture(
        model,
        "torch-distributed",
        signature=entry,
        inputs=X,
        options={"strategy": strategy, "optimiser": "SGD"},
        sweep={"batch": [4, 8]},
    )


@pytest.fixture(scope="module")
def ddp(capture: Capture, model: Path) -> Profile:
    return captured(capture, model, "Late", "ddp")


def names(profile: Profile, rows: np.ndarray) -> set[str]:  # type: ignore[type-arg]
    return {profile.strings[row] for row in np.unique(profile.trace.slices.name[rows]).tolist()}


def test_each_rank_is_a_group_of_tracks_on_one_clock(ddp: Profile) -> None:
    assert broken_references(ddp) == []
    assert set(ddp.trace.tracks.rank.tolist()) == {0, 1}
    assert len(ddp.steps) == 5
    slices = ddp.trace.slices
    rank = ddp.trace.tracks.rank[slices.track]
    for number in range(5):  # the ranks train together, so their steps overlap
        of_step = (slices.kind == SliceKind.STEP) & (slices.step == number)
        begins = slices.start_ns[of_step]
        ends = begins + slices.duration_ns[of_step]
        assert set(rank[of_step].tolist()) == {0, 1}
        assert begins.max() < ends.min()
    assert any("clocks of 2 ranks" in note.message for note in ddp.diagnostics)


def test_collectives_are_tied_across_ranks(ddp: Profile) -> None:
    pairs = paired_collectives(ddp)
    assert names(ddp, pairs.slice) == {"gloo:all_reduce"}
    assert (np.bincount(pairs.instance) == 2).all()
    communication = np.flatnonzero(ddp.trace.slices.kind == SliceKind.COMMUNICATION)
    assert sorted(pairs.slice.tolist()) == communication.tolist()
    flows = ddp.trace.flows
    ties = flows.kind == ddp.strings.find(COLLECTIVE_FLOW)
    rank = ddp.trace.tracks.rank[ddp.trace.slices.track]
    assert int(ties.sum()) == len(pairs) // 2
    assert (rank[flows.source[ties]] != rank[flows.target[ties]]).all()
    for instance in range(len(pairs) // 2):  # one of both came last and waited for nobody
        assert pairs.wait_ns[pairs.instance == instance].min() == 0


def test_the_straggler_is_named(ddp: Profile) -> None:
    time = rank_time(ddp)
    steps = len(ddp.steps)
    assert time.last_arrivals[1] >= steps  # at least at the first collective of each step
    assert time.caused_wait_ns[1] > time.caused_wait_ns[0]
    told = [note.message for note in ddp.diagnostics if "arrived last" in note.message]
    assert ["Rank 1 arrived last" in message for message in told] == [True]


def test_exposed_communication_and_waiting_are_told_by_rank(ddp: Profile, tmp_path: Path) -> None:
    time = rank_time(ddp)
    assert time.rank.tolist() == [0, 1]
    assert (time.exposed_ns <= time.communication_ns).all()
    assert (time.compute_ns + time.exposed_ns <= time.span_ns).all()
    assert time.last_arrivals.sum() == time.collectives[0]
    assert time.caused_wait_ns.tolist() == time.wait_ns.tolist()[::-1]
    assert any("arrived last" in note.message for note in ddp.diagnostics)
    snapshot.write(ddp, tmp_path / "ranks.twin")
    assert rank_rows(snapshot.read(tmp_path / "ranks.twin")) == rank_rows(ddp)


def test_all_ranks_are_linked_to_one_graph(ddp: Profile) -> None:
    coverage = link_coverage(ddp)
    assert coverage.operator_time is not None
    assert coverage.operator_time >= 0.95
    blocks = ddp.memory.allocations
    devices = {ddp.strings[row] for row in blocks.device.tolist()}
    assert devices == {"cpu, rank 0", "cpu, rank 1"}


@pytest.fixture(scope="module")
def fsdp(capture: Capture, model: Path) -> Profile:
    return captured(capture, model, "Net", "fsdp")


def held(profile: Profile, category: MemoryCategory) -> int:
    blocks = profile.memory.allocations
    return int(blocks.bytes[blocks.category == category].sum())


def test_fsdp_holds_a_share_of_each_weight(fsdp: Profile, ddp: Profile) -> None:
    assert broken_references(fsdp) == []
    assert (link_coverage(fsdp).operator_time or 0.0) >= 0.95
    assert "gloo:all_gather" in names(fsdp, paired_collectives(fsdp).slice)
    for profile, copies in ((ddp, 2), (fsdp, 1)):
        weights = int(profile.authored.parameters.bytes.sum())
        assert held(profile, MemoryCategory.PARAMETER) == copies * weights


def test_what_fsdp_gathers_is_tied_to_its_weights_and_modules(fsdp: Profile) -> None:
    blocks, graph = fsdp.memory.allocations, fsdp.authored
    gathered = np.flatnonzero(blocks.category == MemoryCategory.GATHERED_PARAMETER)
    assert (blocks.node[gathered] >= 0).all()
    whole = gathered[blocks.parameter[gathered] >= 0]
    assert (blocks.bytes[whole] == graph.parameters.bytes[blocks.parameter[whole]]).all()
    assert set(blocks.parameter[whole].tolist()) == set(range(len(graph.parameters)))
    layers = {owner.split(".")[1] for owner in owner_names(fsdp, whole)}
    assert layers == {"0", "1"}  # "gathered layers.0.up.weight"
    assert (link_coverage(fsdp).peak_bytes or 0.0) >= 0.95


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_buffers_that_other_threads_free_are_no_leak(
    strategy: str, request: pytest.FixtureRequest
) -> None:
    profile: Profile = request.getfixturevalue(strategy)
    blocks = profile.memory.allocations
    made = np.flatnonzero(blocks.allocated_ns > 0)
    assert (blocks.freed_ns[made] != NEVER_NS).all()
    for device in np.unique(blocks.device).tolist():
        growth = memory_growth(profile, device)
        assert growth.bytes_per_step == 0
        assert len(growth.places) == 0


def test_ddp_trains_a_model_that_leaves_weights_out(ddp: Profile) -> None:
    read = set(ddp.authored.parameter_uses.parameter.tolist())
    names = [ddp.strings[row] for row in ddp.authored.parameters.name.tolist()]
    assert {name for row, name in enumerate(names) if row not in read} == {
        "left_out.weight",
        "left_out.bias",
    }


def test_ddp_holds_what_it_averages_gradients_in(ddp: Profile) -> None:
    blocks = ddp.memory.allocations
    buckets = (blocks.category == MemoryCategory.GRADIENT) & (blocks.allocated_ns == 0)
    assert int(blocks.bytes[buckets].sum()) == held(ddp, MemoryCategory.PARAMETER)


def test_other_sizes_are_those_of_each_rank_and_samples_those_of_all(fsdp: Profile) -> None:
    rows = sweep_rows(fsdp)
    assert [(row["axis"], row["size"]) for row in rows] == [("batch", 4), ("batch", 8)]
    for row in rows:
        assert row["per_second"] == pytest.approx(2 * row["size"] * 1e9 / row["median_ns"])
        assert row["peak_bytes"] is None


def test_a_sweep_that_is_ended_early_ends_on_all_ranks(
    launcher: Launcher, model: Path, tmp_path: Path
) -> None:
    """What was captured and measured by then stays."""
    request = RunRequest(
        str(model), "torch-distributed",
        signature="Net", inputs=X, steps=2, warmup=1, trusted=True, sweep={"batch": [4, *range(5000, 9000)]},
    )  # fmt: skip
    enough = threading.Event()

    def follow(event: Progress | Log) -> None:
        if isinstance(event, Progress) and event.stage.startswith(f"{SWEEP_STAGE}: batch 5"):
            enough.set()

    launcher.capture(request, tmp_path, follow, enough=enough)
    profile = read_capture(tmp_path)
    assert set(profile.trace.tracks.rank.tolist()) == {0, 1}
    assert len(profile.steps) == 2
    rows = sweep_rows(profile)
    assert rows[0]["size"] == 4
    assert all(row["per_second"] > 0 for row in rows)
    assert len(rows) < 4001
    assert any("of 4001 sizes" in each.message for each in profile.diagnostics)


def test_compared_samples_are_those_of_all_ranks(ddp: Profile) -> None:
    found = compare(ddp, ddp)
    throughput = next(each for each in found.figures if each.metric.id == "throughput")
    median_ns = np.median(ddp.timings.duration_ns[ddp.timings.phase == TimingPhase.MEASURED])
    assert throughput.a == pytest.approx(2 * 8 * 1e9 / median_ns)
    assert not [each for each in found.cautions if "ranks in A" in each]


@pytest.fixture
def own_launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.mark.usefixtures("models_written")
def test_cancelling_ends_every_rank(own_launcher: Launcher, model: Path, tmp_path: Path) -> None:
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    cancelled = threading.Event()
    seen: set[int] = set()

    def watch(event: Progress | Log) -> None:
        found = {each.pid for each in psutil.Process().children(recursive=True)} - before
        if len(found) >= 4:  # the worker, torchrun and both ranks
            seen.update(found)
            cancelled.set()

    request = RunRequest(
        str(model), "torch-distributed", inputs=X, trusted=True, signature="Endless",
        options={"strategy": "ddp"},
    )  # fmt: skip
    with pytest.raises(Cancelled):
        own_launcher.capture(request, tmp_path, watch, cancelled)
    assert seen
    assert not [pid for pid in seen if psutil.pid_exists(pid)]


def test_traces_of_ranks_are_joined_with_their_devices(shared_data: Path) -> None:
    ranks = [open_path(shared_data / f"sampled_rank{rank}.json.gz") for rank in (1, 0)]
    assert all(isinstance(each, Profile) for each in ranks)
    joined = joined_traces(ranks)  # type: ignore[arg-type]
    assert broken_references(joined) == []
    assert len(joined.trace.slices) == sum(len(each.trace.slices) for each in ranks)  # type: ignore[union-attr]
    assert sorted(set(joined.trace.tracks.rank.tolist())) == [0, 1]
    one_by_one = sorted(int(ns) for each in ranks for ns in device_time(each).busy_ns)  # type: ignore[arg-type]
    assert sorted(device_time(joined).busy_ns.tolist()) == one_by_one
    assert {row["rank"] for row in rank_rows(joined)} == {0, 1}


def test_all_ranks_are_read_with_the_graph_of_what_the_first_one_ran(
    capture: Capture, model: Path
) -> None:
    """Exported, the model takes another path than it runs; every rank has both graphs."""
    profile = capture(model, "torch-distributed", signature="Otherwise", inputs=X)
    names_of = [profile.strings[row] for row in profile.authored.nodes.operator.tolist()]
    assert sum("sin" in name for name in names_of) == 20
    assert not any("tanh" in name for name in names_of)
    slices = profile.trace.slices
    ranks = profile.trace.tracks.rank[slices.track]
    is_sine = (slices.name == profile.strings.find("aten::sin")) & (slices.step >= 0)
    for rank in (0, 1):
        assert (slices.node[is_sine & (ranks == rank)] >= 0).all()
        assert (is_sine & (ranks == rank)).sum() == 20 * 5
    assert (
        sum("another path than torch.export" in each.message for each in profile.diagnostics) == 1
    )
