"""What loading or running a file would reach is told without loading it."""

from pathlib import Path

import pytest

from profilers.graphs.tensorflow_protos import new, parse
from profilers.graphs.tf_dangers import saved_model_reaches
from profilers.models import ModelFile, format_of
from profilers.probe import Probe


def inspected(path: Path) -> ModelFile:
    recognised = format_of(Probe(path))
    assert recognised is not None
    return recognised.inspect(path)


def test_file_access_in_function_bodies_is_told(tf_files: Path) -> None:
    dangers = {danger.call: danger for danger in inspected(tf_files / "file_access_saved").dangers}
    assert set(dangers) == {"WriteFile", "ReadFile", "EagerPyFunc"}
    assert "while the model is loaded" in dangers["WriteFile"].where
    assert "while the model is loaded" not in dangers["ReadFile"].where
    assert all(danger.severe for danger in dangers.values())
    assert not (tf_files / "written.txt").exists()


def test_the_saver_is_no_danger_but_the_same_operators_elsewhere_are(tf_files: Path) -> None:
    data = (tf_files / "cnn_saved" / "saved_model.pb").read_bytes()
    meta_graph = parse("SavedModel", data).meta_graphs[0]
    assert saved_model_reaches(meta_graph) == []
    meta_graph.ClearField("saver_def")
    assert {"SaveV2", "RestoreV2"} <= {reach.operator for reach in saved_model_reaches(meta_graph)}


def test_calling_the_model_a_saver_hides_nothing(tf_files: Path) -> None:
    data = (tf_files / "file_access_saved" / "saved_model.pb").read_bytes()
    meta_graph = parse("SavedModel", data).meta_graphs[0]
    meta_graph.saver_def.save_tensor_name = "StatefulPartitionedCall:0"
    meta_graph.saver_def.restore_op_name = "StatefulPartitionedCall_1"
    assert {"WriteFile", "ReadFile"} <= {r.operator for r in saved_model_reaches(meta_graph)}


def test_a_frozen_graph_that_writes_files(tmp_path: Path) -> None:
    graph = new("GraphDef")
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = 7
    graph.node.add(name="out", op="WriteFile", input=["x", "x"])
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.SerializeToString())
    assert [danger.call for danger in inspected(path).dangers] == ["WriteFile"]


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
def test_lambda_layers_are_told(tf_files: Path, name: str) -> None:
    (danger,) = inspected(tf_files / name).dangers
    assert "'scale'" in danger.call
    assert danger.severe


def test_classes_that_are_not_of_keras_are_told(tf_files: Path) -> None:
    (danger,) = inspected(tf_files / "custom.keras").dangers
    assert danger.call == "keras_zoo.Scale"
    assert "own" in danger.where
