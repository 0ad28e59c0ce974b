"""ONNX files are known by content, and tell their inputs and obstacles without being run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from profilers.errors import DamagedFile
from profilers.models import format_of, onnx_file
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.request import with_sizes


def save(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    weights: Sequence[TensorProto] = (),
    opset: int = 20,
) -> Path:
    """A model of one float output y."""
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "made", inputs, [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 10
    path.write_bytes(model.SerializeToString())
    return path


def floats(name: str, shape: Sequence[int | str]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def external_weight(location: str, length: int = 16) -> TensorProto:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        weight.external_data.add(key=key, value=value)
    return weight


def with_external(folder: Path, location: str) -> Path:
    return save(
        folder / "m.onnx",
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [floats("x", [4])],
        [external_weight(location)],
    )


@pytest.mark.parametrize("name", ["cnn", "block", "control", "cnn_external"])
def test_a_model_is_recognised_whatever_its_name(
    onnx_files: Path, tmp_path: Path, name: str
) -> None:
    renamed = tmp_path / "holiday.jpg"
    renamed.write_bytes((onnx_files / f"{name}.onnx").read_bytes())
    assert format_of(Probe(renamed)) is onnx_file
    assert open_path(onnx_files / f"{name}.onnx").modes == ("onnxruntime",)  # type: ignore[union-attr]


def test_token_ids_stay_inside_the_embedding(onnx_files: Path) -> None:
    (tokens,) = onnx_file.inspect(onnx_files / "block.onnx").inputs
    assert (tokens.name, tokens.dtype, tokens.shape) == ("tokens", "int64", (1, 16))
    assert (tokens.low, tokens.high) == (0, 100)


def test_loading_needs_no_trust(onnx_files: Path) -> None:
    assert not onnx_file.inspect(onnx_files / "control.onnx").needs_trust


def test_dynamic_dimensions_keep_their_symbols(tmp_path: Path) -> None:
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Relu", ["x"], ["y"])],
        [floats("x", ["batch", 3])],
    )
    (spec,) = onnx_file.inspect(path).inputs
    assert spec.shape == ("batch", 3)
    assert not spec.is_concrete


def test_a_weight_listed_among_the_inputs_is_not_asked_for(tmp_path: Path) -> None:
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [floats("x", [4]), floats("w", [4])],
        [numpy_helper.from_array(np.ones(4, np.float32), "w")],
    )
    assert [spec.name for spec in onnx_file.inspect(path).inputs] == ["x"]


def test_missing_weight_files_are_named(tmp_path: Path) -> None:
    model = onnx_file.inspect(with_external(tmp_path, "weights.bin"))
    assert model.modes == ()
    assert "weights.bin" in model.cannot_run
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    assert onnx_file.inspect(model.path).modes == ("onnxruntime",)


def test_a_short_weight_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(8))
    assert "cut short" in onnx_file.inspect(with_external(tmp_path, "weights.bin")).cannot_run


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "C:\\secret", "a/../../secret"])
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "inner").mkdir()
    model = onnx_file.inspect(with_external(tmp_path / "inner", location))
    assert model.modes == ()
    assert location in model.cannot_run


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "weights.bin").symlink_to(tmp_path / "secret")
    model = onnx_file.inspect(with_external(tmp_path / "inner", "weights.bin"))
    assert "outside" in model.cannot_run


def test_custom_operators_are_named(tmp_path: Path) -> None:
    node = helper.make_node("Magic", ["x"], ["y"], domain="my.lab")
    model = onnx_file.inspect(save(tmp_path / "m.onnx", [node], [floats("x", [4])]))
    assert model.modes == ()
    assert "my.lab" in model.cannot_run
    assert len(model.preview.authored.nodes) == 3


def test_an_opset_from_the_future_is_told(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model = onnx_file.inspect(save(tmp_path / "m.onnx", [node], [floats("x", [4])], opset=999))
    assert "999" in model.preview.diagnostics[0].message


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_cut_file_is_damaged(onnx_files: Path, tmp_path: Path, share: float) -> None:
    whole = (onnx_files / "cnn.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DamagedFile, match=r"cut\.onnx"):
        open_path(cut)


def test_flipped_bytes_never_end_in_another_error(onnx_files: Path, tmp_path: Path) -> None:
    whole = bytearray((onnx_files / "control.onnx").read_bytes())
    rng = np.random.default_rng(0)
    path = tmp_path / "m.onnx"
    outcomes = set()
    for _ in range(60):
        broken = bytearray(whole)
        for position in rng.integers(0, len(whole), 2):
            broken[position] = rng.integers(0, 256)
        path.write_bytes(broken)
        try:
            outcomes.add(type(onnx_file.inspect(path)).__name__)
        except DamagedFile:
            outcomes.add("DamagedFile")
    assert outcomes == {"ModelFile", "DamagedFile"}


def test_absurd_sizes_are_no_overflow(tmp_path: Path) -> None:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**62, 2**62])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = save(tmp_path / "m.onnx", [node], [floats("x", [2**40, 2**62])], [weight])
    graph = onnx_file.inspect(path).preview.authored
    assert graph.nodes.flops.max() <= 0


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x08\x0a", b'{"a": 1}', bytes(64), b"\x08\x01\x12\x05hello"],
)
def test_other_files_are_not_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert not onnx_file.matches(Probe(path))


def test_the_head_of_a_model_with_a_long_producer_is_enough(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [floats("x", [4])])
    model = onnx.load(path)
    model.producer_name = "p" * 1000
    model.doc_string = "d" * 10_000
    path.write_bytes(model.SerializeToString())
    assert onnx_file.matches(Probe(path))


@pytest.mark.parametrize(
    ("operator", "attributes", "weight", "asks_for"),
    [
        ("Conv", {}, (8, 3, 5, 5), ("batch", 3, "height", "width")),
        ("Conv", {"group": 4}, (8, 3, 5), ("batch", 12, "height")),
        ("MatMul", {}, (6, 4), ("batch", 6)),
        ("Gemm", {"transB": 1}, (6, 4), ("batch", 4)),
        ("Add", {}, (5, 7), (5, 7)),
    ],
)
def test_an_input_of_any_rank_takes_the_shape_that_its_first_use_asks_for(
    tmp_path: Path,
    operator: str,
    attributes: dict[str, int],
    weight: tuple[int, ...],
    asks_for: tuple[int | str, ...],
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["positive"]),
        helper.make_node(operator, ["positive", "w"], ["y"], **attributes),
    ]
    held = numpy_helper.from_array(np.ones(weight, np.float32), "w")
    anything = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    (given,) = onnx_file.inspect(save(tmp_path / "m.onnx", nodes, [anything], [held])).inputs
    assert given.guessed
    assert given.shape == asks_for


def test_two_inputs_of_any_rank_take_what_their_product_asks_for(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"]),
        helper.make_node("MatMul", ["a", "b"], ["product"]),
        helper.make_node("Mul", ["mean", "product"], ["y"]),
    ]
    anything = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "a", "b")]
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    x, a, b = with_sizes(
        onnx_file.inspect(save(tmp_path / "m.onnx", nodes, anything, [axes])).inputs
    )
    assert len(x.shape) == 4
    assert a.shape == b.shape == (a.shape[0],) * 2


def test_a_symbol_has_one_size_in_all_inputs(tmp_path: Path) -> None:
    given = [floats("a", ["n", "k"]), floats("b", ["k", "m"])]
    path = save(tmp_path / "m.onnx", [helper.make_node("MatMul", ["a", "b"], ["y"])], given)
    a, b = with_sizes(onnx_file.inspect(path).inputs)
    assert (a.shape[0], a.shape[1]) == (1, b.shape[0])
