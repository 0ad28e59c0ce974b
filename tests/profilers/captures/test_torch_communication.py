"""What carries the collectives of a distributed run: NCCL, gloo, and which of them where."""

from pathlib import Path

import pytest

from profilers.analysis.coverage import link_coverage
from profilers.profile import Severity
from profilers.request import InputSpec
from profilers.runtimes.pytorch.communication import communication_for
from tests.conftest import Capture

SOURCE = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
"""


@pytest.mark.parametrize(
    ("device", "ranks", "gpus", "where"),
    [
        ("cpu", 2, 8, "cpu"),
        ("cuda:0", 2, 2, "cuda"),
        ("cuda", 8, 8, "cuda"),
        ("cuda:1", 1, 2, "cuda:1"),  # a rank alone takes the GPU that was asked for
        ("cuda:0", 2, 1, "cpu"),
        ("cuda:0", 1, 0, "cpu"),
    ],
)
def test_each_rank_needs_a_gpu_of_its_own(device: str, ranks: int, gpus: int, where: str) -> None:
    found = communication_for(device, ranks, gpus, has_nccl=True)
    assert found.device == where
    assert ("nccl" in found.backend) == where.startswith("cuda")
    assert found.is_as_asked == (device[:3] == where[:3])
    assert ("NCCL." if "nccl" in found.backend else "gloo") in found.told


def test_a_build_without_nccl_uses_the_cpu() -> None:
    found = communication_for("cuda:0", 2, 4, has_nccl=False)
    assert (found.device, found.backend, found.is_as_asked) == ("cpu", "gloo", False)
    assert "no NCCL" in found.told


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_one_rank_trains_alone_and_tells_where(
    capture: Capture, tmp_path: Path, strategy: str
) -> None:
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    profile = capture(
        path,
        "torch-distributed",
        signature="Net",
        device="cuda:0",
        inputs=(InputSpec("x", "float32", (8, 64)),),
        options={"strategy": strategy, "processes": "1"},
    )
    (note,) = [each for each in profile.diagnostics if each.message.startswith("1 rank")]
    is_on_gpu = profile.environment.facts["Device"].startswith("cuda")
    assert ("NCCL." if is_on_gpu else "over gloo") in note.message
    assert (note.severity == Severity.INFO) == is_on_gpu
    assert not any("clocks" in each.message for each in profile.diagnostics)
    coverage = link_coverage(profile)
    assert min(coverage.operator_time or 0.0, coverage.peak_bytes or 0.0) >= 0.95
