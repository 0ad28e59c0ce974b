"""One Keras model on several devices and over several processes: each replica is a rank."""

import signal
from pathlib import Path

import numpy as np
import psutil
import pytest

from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.profile import Profile, SliceKind
from profilers.request import InputSpec, RunRequest
from profilers.worker_process import Log, Progress
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked


def operators_of(profile: Profile, rank: int) -> set[str]:
    """Names of what ran in the steps on the tracks of a rank."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    chosen = (slices.kind == SliceKind.OPERATOR) & (slices.step >= 0)
    chosen &= (tracks.rank == rank)[slices.track]
    return {profile.strings[name] for name in np.unique(slices.name[chosen])}


def test_each_device_of_a_mirrored_model_has_its_tracks(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "tf-mirrored")
    assert_linked(profile)
    assert profile.environment.facts["Replicas"] == "2"
    first, second = operators_of(profile, 0), operators_of(profile, 1)
    assert any(name.startswith("replica_1/cnn_1/stem_1/") for name in second)
    assert any(name.startswith("cnn_1/stem_1/") for name in first)
    assert not any("replica_1/" in name for name in first if not name.endswith(":_Recv"))
    everything = first | second
    assert any("CollectiveReduce" in name for name in everything)  # gradients are exchanged


def test_another_model_is_mirrored_after_it(capture: Capture, tf_files: Path) -> None:
    """Reductions of both have the same numbers in one process, and other shapes."""
    capture(tf_files / "cnn.keras", "tf-mirrored")
    assert_linked(capture(tf_files / "control.keras", "tf-mirrored"))


def test_replicas_share_the_seed_of_layers_without_one(capture: Capture, more_files: Path) -> None:
    small = (InputSpec("image", "float32", (2, 32, 32, 3)),)
    profile = capture(more_files / "grouped.keras", "tf-mirrored", inputs=small)
    assert_linked(profile)
    for rank in range(2):
        assert any("dropped_1/" in name for name in operators_of(profile, rank))


def test_each_output_has_targets_for_the_loss_that_the_file_has_for_it(
    capture: Capture, more_files: Path
) -> None:
    profile = capture(more_files / "rated.keras", "tf-mirrored")
    assert_linked(profile)
    for rank in range(2):
        ran = " ".join(operators_of(profile, rank))
        assert "SparseSoftmaxCrossEntropy" in ran


def test_the_inference_of_three_replicas_runs_three_times(capture: Capture, tf_files: Path) -> None:
    options = {"replicas": "3", "run": "inference"}
    profile = capture(tf_files / "cnn.keras", "tf-mirrored", options=options)
    assert_linked(profile)
    assert set(profile.trace.tracks.rank.tolist()) == {0, 1, 2}
    for rank in range(3):
        assert any("cnn_1/stem_1/" in name for name in operators_of(profile, rank))


def test_each_process_of_several_is_a_rank(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "tf-multiworker")
    assert_linked(profile)
    assert len(profile.steps) == 5
    for rank in range(2):
        ran = operators_of(profile, rank)
        assert any(name.startswith("cnn_1/stem_1/") for name in ran)
        assert any("CollectiveReduce" in name for name in ran)
    processes = {profile.strings[name] for name in profile.trace.tracks.process}
    assert {"worker 0", "worker 1"} <= {name.partition(":")[0] for name in processes}


@pytest.mark.parametrize("stage", ["load", "warm-up"])  # with and without a step of all processes
def test_all_start_once_more_when_one_aborts(
    stage: str, launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    request = RunRequest(str(tf_files / "cnn.keras"), "tf-multiworker", steps=1, warmup=20)
    lines: list[str] = []
    aborted: list[int] = []

    def abort_one() -> None:
        for process in psutil.Process().children(recursive=True):
            if process.cmdline()[-1:] == ["profilers.runtimes.tf.replica"]:
                aborted.append(process.pid)
                process.send_signal(signal.SIGABRT)
                return

    def follow(event: Progress | Log) -> None:
        if isinstance(event, Log):
            lines.append(event.text)
        elif event.stage == stage and not aborted:
            abort_one()

    launcher.capture(request, tmp_path, follow)
    assert aborted
    assert any("status -6" in line and "All processes start once more" in line for line in lines)
    assert_linked(read_capture(tmp_path))


def test_what_fails_in_a_process_is_told_and_ends_the_others(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    wrong = (InputSpec("image", "float32", (1, 8, 8, 4)),)
    request = RunRequest(str(tf_files / "cnn.keras"), "tf-multiworker", inputs=wrong, steps=1)
    with pytest.raises(TwinscopeError, match="image=\\?,32,32,3:float32"):
        launcher.capture(request, tmp_path)
