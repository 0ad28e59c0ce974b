"""ONNX models that are odd, or newer than what is here: a sentence, and what can be seen of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from profilers.analysis.coverage import link_coverage
from profilers.errors import CaptureFailed, TwinscopeError
from profilers.models import onnx_file
from tests.conftest import Capture


def save(
    path: Path,
    element_type: int,
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto] = (),
    opset: int = 21,
    ir_version: int = 10,
) -> Path:
    """A model from x (4 × 16) to the float tensor y."""
    graph = helper.make_graph(
        list(nodes),
        "odd",
        [helper.make_tensor_value_info("x", element_type, (4, 16))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        list(weights),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)],
        ir_version=ir_version,
    )
    path.write_bytes(model.SerializeToString())
    return path


CAST = helper.make_node("Cast", ["x"], ["y"], name="cast", to=TensorProto.FLOAT)
RELU = helper.make_node("Relu", ["x"], ["y"], name="relu")


@pytest.mark.parametrize(
    ("element_type", "name", "item_bytes"),
    [(TensorProto.BFLOAT16, "bfloat16", 2), (TensorProto.FLOAT8E4M3FN, "float8_e4m3fn", 1)],
)
def test_inputs_of_types_that_numpy_lacks_are_fed(
    capture: Capture, tmp_path: Path, element_type: int, name: str, item_bytes: int
) -> None:
    profile = capture(save(tmp_path / "m.onnx", element_type, [CAST]), "onnxruntime")
    assert profile.environment.request["inputs"][0]["dtype"] == name
    edges = profile.authored.edges
    given = [profile.strings[row] == name for row in edges.dtype]
    assert edges.bytes[given].tolist() == [4 * 16 * item_bytes]
    assert len(profile.steps) == 5


def test_four_bit_inputs_are_refused_with_a_sentence(capture: Capture, tmp_path: Path) -> None:
    with pytest.raises(TwinscopeError, match="takes no int4"):
        capture(save(tmp_path / "m.onnx", TensorProto.INT4, [CAST]), "onnxruntime")


def test_four_bit_weights_take_half_a_byte_each(capture: Capture, tmp_path: Path) -> None:
    weight = helper.make_tensor("w", TensorProto.INT4, (16, 8), np.arange(128) % 15 - 7)
    scale = numpy_helper.from_array(np.float32(0.1), "scale")
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale"], ["wide"], name="wide"),
        helper.make_node("MatMul", ["x", "wide"], ["y"], name="product"),
    ]
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, nodes, [weight, scale])
    profile = capture(path, "onnxruntime")
    assert sorted(profile.authored.parameters.bytes.tolist()) == [4, 64]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"opset": 99}, "made for opset 99 of ai.onnx, and this ONNX Runtime knows up to"),
        ({"ir_version": 99}, r"format version \(IR\) is 99, and this ONNX Runtime knows up to"),
    ],
)
def test_what_is_newer_than_the_runtime_is_told_and_shown(
    capture: Capture, tmp_path: Path, changes: dict[str, int], says: str
) -> None:
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, [RELU], **changes)
    model = onnx_file.inspect(path)
    assert len(model.preview.authored.nodes) == 3
    assert any("99" in each.message for each in model.preview.diagnostics)
    with pytest.raises(CaptureFailed, match=says):
        capture(path, "onnxruntime")


@pytest.mark.parametrize("domain", ["", "com.microsoft"])
def test_operators_that_the_runtime_lacks_are_named(
    capture: Capture, tmp_path: Path, domain: str
) -> None:
    mine = helper.make_node("Mine", ["x"], ["y"], name="mine", domain=domain)
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, [mine])
    assert len(onnx_file.inspect(path).preview.authored.nodes) == 3
    with pytest.raises(CaptureFailed, match="Mine"):
        capture(path, "onnxruntime")


def test_a_type_that_the_runtime_does_not_know_is_named(capture: Capture, tmp_path: Path) -> None:
    identity = helper.make_node("Identity", ["x"], ["y"], name="identity")
    path = save(tmp_path / "m.onnx", TensorProto.COMPLEX64, [identity])
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.COMPLEX64
    onnx.save(model, path)
    with pytest.raises(CaptureFailed, match="tensors of type complex64"):
        capture(path, "onnxruntime")


def product_of(element_type: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    weight = helper.make_tensor("w", element_type, (16, 8), [0.5] * 128)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["narrow"], name="product"),
        helper.make_node("Cast", ["narrow"], ["y"], name="cast", to=TensorProto.FLOAT),
    ]
    return nodes, [weight]


@pytest.mark.parametrize(
    ("opset", "says"),
    [
        (21, r"no kernel of MatMul \(product\) \(opset 13\)"),
        (11, r"MatMul \(product\) takes no bfloat16 in the opset"),
    ],
)
def test_an_operator_that_lacks_a_type_is_told_from_one_that_is_missing(
    capture: Capture, tmp_path: Path, opset: int, says: str
) -> None:
    nodes, weights = product_of(TensorProto.BFLOAT16)
    path = save(tmp_path / "m.onnx", TensorProto.BFLOAT16, nodes, weights, opset)
    with pytest.raises(CaptureFailed, match=says):
        capture(path, "onnxruntime")


def test_a_node_behind_one_that_was_removed_keeps_its_link(
    capture: Capture, tmp_path: Path
) -> None:
    """A removed Dropout or Identity does not run, so the time of its neighbour is not theirs."""
    nodes = [
        helper.make_node("Identity", ["x"], ["same"], name="same"),
        helper.make_node("Softmax", ["same"], ["soft"], name="soft"),
        helper.make_node("Identity", ["soft"], ["y"], name="last"),
    ]
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, nodes)
    profile = capture(path, "onnxruntime")
    assert link_coverage(profile).operator_time == 1
    slices, names = profile.trace.slices, profile.authored.nodes.name
    linked = {profile.strings[names[node]] for node in slices.node[slices.node >= 0].tolist()}
    assert linked == {"soft"}


def test_a_graph_without_outputs_is_told(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, [RELU])
    model = onnx.load(path)
    del model.graph.output[:]
    onnx.save(model, path)
    assert "no outputs" in onnx_file.inspect(path).cannot_run


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("location", "", "whose name it does not say"), ("offset", "-5", "in numbers")],
)
def test_weights_in_no_place_are_told(tmp_path: Path, key: str, value: str, says: str) -> None:
    nodes, _ = product_of(TensorProto.FLOAT)
    weight = numpy_helper.from_array(np.ones((16, 8), np.float32), "w")
    path = save(tmp_path / "m.onnx", TensorProto.FLOAT, nodes, [weight])
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    places = {entry.key: entry for entry in model.graph.initializer[0].external_data}
    places[key].value = value
    path.write_bytes(model.SerializeToString())
    assert says in onnx_file.inspect(path).cannot_run


def test_an_input_of_an_unknown_type_is_told(tmp_path: Path) -> None:
    model = onnx_file.inspect(save(tmp_path / "m.onnx", 77, [RELU]))
    assert model.modes == ()
    assert "a type that is not known here (77)" in model.cannot_run
    assert len(model.preview.authored.nodes) == 3
