"""Graphs of ONNX models: scopes, shapes, parameters, FLOPs and subgraphs."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.onnx_graph import add_model, with_shapes
from profilers.graphs.onnx_strip import strip_weights
from profilers.profile import Graph, NodeKind, StringPool, StringTable, decode


def read(
    model: onnx.ModelProto, inputs: dict[str, list[int]] | None = None
) -> tuple[Graph, StringTable]:
    pool = StringPool()
    builder = GraphBuilder(pool)
    add_model(builder, with_shapes(model, inputs))
    return builder.build(), pool.table()


@pytest.fixture(scope="module")
def cnn(onnx_files: Path) -> tuple[Graph, StringTable]:
    return read(onnx.load(onnx_files / "cnn.onnx"))


def row_of(graph: Graph, strings: StringTable, operator: str) -> int:
    """The first node of an operator."""
    return int(np.flatnonzero(graph.nodes.operator == strings.find(operator))[0])


def scope_of(graph: Graph, strings: StringTable, node: int) -> list[tuple[str, str]]:
    path, scope = [], int(graph.nodes.scope[node])
    while scope >= 0:
        path.append((strings[graph.scopes.name[scope]], strings[graph.scopes.kind[scope]]))
        scope = int(graph.scopes.parent[scope])
    return path[::-1]


def test_convolutions_lie_in_their_module(cnn: tuple[Graph, StringTable]) -> None:
    graph, strings = cnn
    conv = row_of(graph, strings, "Conv")
    assert scope_of(graph, strings, conv) == [("stem", "Sequential"), ("0", "Conv2d")]
    assert strings[graph.nodes.source[conv]].startswith("torch_zoo.py:")
    assert decode(graph.attributes, conv)["strides"] == [1, 1]


def test_flops_and_parameters_follow_the_shapes(cnn: tuple[Graph, StringTable]) -> None:
    graph, strings = cnn
    conv = row_of(graph, strings, "Conv")
    outputs, per_output = 16 * 32 * 32, 2 * 3 * 3 * 3
    assert graph.nodes.flops[conv] == outputs * per_output
    assert graph.nodes.parameter_bytes[conv] == 4 * (16 * 3 * 3 * 3 + 16)
    gemm = row_of(graph, strings, "Gemm")
    assert graph.nodes.flops[gemm] == 2 * 32 * 10


def test_edges_carry_shape_and_bytes(cnn: tuple[Graph, StringTable]) -> None:
    graph, strings = cnn
    (edge,) = np.flatnonzero(graph.edges.target == row_of(graph, strings, "Conv"))
    assert strings[graph.edges.shape[edge]] == "1,3,32,32"
    assert strings[graph.edges.dtype[edge]] == "float32"
    assert graph.edges.bytes[edge] == 4 * 3 * 32 * 32


def test_parameters_are_all_weights(onnx_files: Path, cnn: tuple[Graph, StringTable]) -> None:
    model = onnx.load(onnx_files / "cnn.onnx")
    graph, _ = cnn
    expected = {w.name: numpy_helper.to_array(w).nbytes for w in model.graph.initializer}
    assert len(graph.parameters) == len(expected)
    assert graph.parameters.bytes.sum() == sum(expected.values())


def test_stripping_weights_changes_no_graph(onnx_files: Path) -> None:
    data = (onnx_files / "block.onnx").read_bytes()
    stripped = strip_weights(data)
    assert len(stripped) < 0.6 * len(data)
    whole, _ = read(onnx.load_from_string(data))
    light, _ = read(onnx.load_from_string(stripped))
    assert light.nodes.flops.tolist() == whole.nodes.flops.tolist()
    assert light.edges.bytes.tolist() == whole.edges.bytes.tolist()
    assert light.parameters.bytes.tolist() == whole.parameters.bytes.tolist()


def test_control_flow_owns_its_bodies(onnx_files: Path) -> None:
    graph, strings = read(onnx.load(onnx_files / "control.onnx"))
    control = np.flatnonzero(graph.nodes.kind == NodeKind.CONTROL)
    assert [strings[graph.nodes.operator[row]] for row in control] == ["If", "Loop"]
    bodies = [
        (strings[name], strings[graph.nodes.operator[owner]])
        for name, owner in zip(graph.subgraphs.name, graph.subgraphs.owner, strict=True)
    ]
    assert bodies == [("then", "If"), ("else", "If"), ("body", "Loop")]
    inner = graph.nodes.subgraph >= 0
    crossing = graph.nodes.subgraph[graph.edges.source] != graph.nodes.subgraph[graph.edges.target]
    assert inner.sum() > 10
    assert not crossing.any()


def test_concrete_inputs_give_shapes_to_a_dynamic_model() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    weight = numpy_helper.from_array(np.ones((8, 4), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weight]
    )
    model = helper.make_model(graph)
    unknown, strings = read(model)
    assert unknown.nodes.flops[row_of(unknown, strings, "MatMul")] == -1
    known, strings = read(model, {"x": [5, 8]})
    assert known.nodes.flops[row_of(known, strings, "MatMul")] == 2 * 5 * 8 * 4


def test_scopes_come_from_slashes_where_there_is_no_metadata() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="/stem/stem.0/Relu")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", values[:1], values[1:]))
    graph, strings = read(model)
    relu = row_of(graph, strings, "Relu")
    assert scope_of(graph, strings, relu) == [("stem", ""), ("0", "")]


def test_node_names_are_unique_even_if_the_file_repeats_them() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="same"),
        helper.make_node("Relu", ["a"], ["b"], name="same"),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph, _ = read(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:])))
    assert len(set(graph.nodes.name.tolist())) == len(graph.nodes)


def test_attributes_without_a_json_number_are_text() -> None:
    node = helper.make_node("Clip", ["x"], ["y"], min=float("-inf"), max=2.5)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph, strings = read(helper.make_model(helper.make_graph([node], "g", values[:1], values[1:])))
    clip = decode(graph.attributes, row_of(graph, strings, "Clip"))
    assert clip == {"min": "-inf", "max": 2.5}
