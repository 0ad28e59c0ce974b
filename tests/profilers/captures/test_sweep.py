"""Other sizes of the inputs, measured after the capture by every kind of runtime."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from app.capturing import request_for, with_digest
from profilers import snapshot
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.stats import statistics
from profilers.analysis.sweep import sweep_rows
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile, SweepPoints
from profilers.request import InputSpec
from profilers.sweeps import SWEEP_STAGE, parse_sweep, resized, sweep_text
from profilers.worker_process import Progress
from tests.conftest import Capture

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def swept(capture: Capture, torch_files: Path) -> Profile:
    return capture(
        torch_files / "block.pt",
        "torch-eager",
        source_folder=str(MODELS),
        sweep={"batch": [1, 2, 4], "sequence": [8, 16]},
    )


def test_every_size_is_a_row_with_its_figures(swept: Profile) -> None:
    rows = statistics(swept)["sweep"]
    assert [(row["axis"], row["size"]) for row in rows] == [
        ("batch", 1), ("batch", 2), ("batch", 4), ("sequence", 8), ("sequence", 16),
    ]  # fmt: skip
    for row in rows:
        batch = row["size"] if row["axis"] == "batch" else 1
        assert row["per_second"] == pytest.approx(batch * 1e9 / row["median_ns"])
    peaks = [row["peak_bytes"] for row in rows]
    assert peaks[0] < peaks[1] < peaks[2]
    assert peaks[0] == peaks[4] == memory_curve(swept).peak_bytes  # the size of the run itself


def test_the_peak_of_a_training_step_holds_the_state_of_the_optimiser(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(
        torch_files / "block.pt",
        "torch-eager",
        source_folder=str(MODELS),
        options={"run": "training"},
        sweep={"batch": [1]},
    )
    (row,) = sweep_rows(profile)
    assert row["peak_bytes"] == memory_curve(profile).peak_bytes


@pytest.mark.parametrize("mode", ["torchscript", "torch-onnxruntime"])
def test_what_is_made_for_one_size_is_made_again_for_others(
    capture: Capture, torch_files: Path, mode: str
) -> None:
    sweep = {"batch": [1, 3], "sequence": [8]}
    profile = capture(torch_files / "block.pt", mode, source_folder=str(MODELS), sweep=sweep)
    rows = sweep_rows(profile)
    assert [(row["axis"], row["size"], row["problem"]) for row in rows] == [
        ("batch", 1, None), ("batch", 3, None), ("sequence", 8, None),
    ]  # fmt: skip
    assert all(row["per_second"] > 0 for row in rows)


def test_a_program_is_exported_for_each_size_and_that_is_told(
    launcher: Launcher, torch_files: Path, tmp_path: Path
) -> None:
    model = open_path(torch_files / "block.pt")
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, "torch-export"),
        source_folder=str(MODELS), trusted=True, steps=2, sweep={"batch": [2, 3]},
    )  # fmt: skip
    told: list[Progress] = []
    launcher.capture(
        request, tmp_path, lambda event: isinstance(event, Progress) and told.append(event)
    )
    profile = read_capture(tmp_path)
    assert [row["problem"] for row in sweep_rows(profile)] == [None, None]
    assert all(row["peak_bytes"] > 0 for row in sweep_rows(profile))
    part = [event for event in told if event.stage.startswith(SWEEP_STAGE)]
    assert {"sweep: batch 2", "sweep: batch 3, torch.export traces the model"} <= {
        event.stage for event in part
    }
    done = [event.fraction for event in part]
    assert done == sorted(done)
    assert done[-1] <= 1


def test_a_size_is_exported_to_onnx_once_for_all_levels(
    launcher: Launcher, torch_files: Path, tmp_path: Path
) -> None:
    model = open_path(torch_files / "block.pt")
    assert isinstance(model, ModelFile)
    suggested = request_for(model, "torch-onnxruntime")
    request = with_digest(
        replace(
            suggested, source_folder=str(MODELS), trusted=True, steps=2, sweep={"batch": [1, 3]}
        )
    )
    exports = []
    for level in ("basic", "all"):
        told: list[str] = []
        folder = tmp_path / level
        folder.mkdir()
        launcher.capture(
            replace(request, options={"level": level}),
            folder,
            lambda event, told=told: isinstance(event, Progress) and told.append(event.stage),
        )
        assert [row["problem"] for row in sweep_rows(read_capture(folder))] == [None, None]
        stages = dict.fromkeys(told)
        exports.append([each for each in stages if "torch.onnx writes the model" in each])
    own = "compile: torch.onnx writes the model"
    assert exports == [[own, "sweep: batch 3, torch.onnx writes the model"], [own]]


def test_a_file_exported_for_one_size_says_so(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "block.pt2", "torch-export", sweep={"batch": [1, 3]})
    own, other = sweep_rows(profile)
    assert own["per_second"] > 0
    assert "exported for tokens.size()[0] == 1" in other["problem"]


def test_the_table_travels_in_the_snapshot(swept: Profile, tmp_path: Path) -> None:
    snapshot.write(swept, tmp_path / "x.twin")
    assert sweep_rows(snapshot.read(tmp_path / "x.twin")) == sweep_rows(swept)


def test_a_size_that_fails_says_why_and_keeps_the_others(
    capture: Capture, onnx_files: Path
) -> None:
    profile = capture(onnx_files / "cnn.onnx", "onnxruntime", sweep={"batch": [1, 3]})
    first, other = sweep_rows(profile)
    assert first["median_ns"] > 0
    assert first["peak_bytes"] is None
    assert (other["problem"] is None) == (other["median_ns"] is not None)


def test_other_sizes_of_an_onnx_file_keep_what_its_inputs_mean(
    capture: Capture, tmp_path: Path
) -> None:
    """A shape that is made at random is none."""
    path, given = tmp_path / "table.onnx", tmp_path / "given.npz"
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 8)),
        helper.make_tensor_value_info("shape", TensorProto.INT64, (2,)),
    ]
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "table",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (None, 4))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    np.savez(given, x=np.ones((3, 8), np.float32), shape=np.array([-1, 4]))
    sweep = {"batch": [1, 6]}
    profile = capture(path, "onnxruntime", inputs=(), inputs_file=str(given), sweep=sweep)
    assert [row["problem"] for row in sweep_rows(profile)] == [None, None]


def test_tensorflow_is_swept_by_tracing_again(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras", sweep={"batch": [1, 4], "sequence": [4]})
    assert [row["size"] for row in sweep_rows(profile)] == [1, 4]
    assert all(row["per_second"] for row in sweep_rows(profile))
    assert any("sequence" in note.message for note in profile.diagnostics)


def test_sizes_are_read_and_written() -> None:
    assert parse_sweep("batch=1,2 ,4; sequence = 8") == {"batch": [1, 2, 4], "sequence": [8]}
    assert parse_sweep(sweep_text({"batch": [1, 2]})) == {"batch": [1, 2]}
    assert parse_sweep(" ") == {}
    for wrong in ("width=1", "batch", "batch=", "batch=0", "batch=a"):
        with pytest.raises(TwinscopeError, match="batch=1,2,4,8"):
            parse_sweep(wrong)


def test_what_belongs_together_is_resized_together() -> None:
    ids = InputSpec("ids", "int64", (2, 16))
    mask = InputSpec("mask", "bool", (2, 16))
    table = InputSpec("table", "float32", (100, 8))
    scale = InputSpec("scale", "float32", ())
    shapes = [spec.shape for spec in resized((ids, mask, table, scale), "batch", 5)]
    assert shapes == [(5, 16), (5, 16), (100, 8), ()]
    assert resized((ids,), "sequence", 32)[0].shape == (2, 32)
    with pytest.raises(TwinscopeError, match="sequence"):
        resized((InputSpec("x", "float32", (1, 3, 8, 8)),), "sequence", 4)


def test_an_empty_sweep_has_no_rows() -> None:
    assert sweep_rows(Profile("x")) == []
    assert len(SweepPoints.empty().size) == 0
    assert np.issubdtype(SweepPoints.empty().median_ns.dtype, np.int64)
