"""What the previews of TensorFlow, Keras and TFLite files hold."""

from collections import Counter
from pathlib import Path

import pytest

from profilers.graphs.tensorflow_protos import parse
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.graphs.tf_signature import subgraph_of, unwrapped
from profilers.models import format_of
from profilers.probe import Probe
from profilers.profile import Graph, NodeKind, Profile, StringPool

CNN_BYTES = 4 * (3 * 3 * 3 * 16 + 16 + 4 * 16 + 3 * 3 * 16 * 32 + 32 + 4 * 32 + 32 * 10 + 10)
BLOCK_FLOPS = 2 * 16 * (4 * 32 * 32 + 2 * 16 * 32 + 2 * 32 * 128)  # projections, attention, MLP
CONV_FLOPS = {2 * 32 * 32 * 16 * 3 * 3 * 3, 2 * 16 * 16 * 32 * 3 * 3 * 16}


def preview(path: Path) -> Profile:
    recognised = format_of(Probe(path))
    assert recognised is not None
    return recognised.inspect(path).preview


def operators(profile: Profile) -> Counter[str]:
    return Counter(profile.strings[row] for row in profile.authored.nodes.operator)


def scope_paths(graph: Graph, profile: Profile) -> set[str]:
    paths: list[str] = []
    for name, parent in zip(graph.scopes.name, graph.scopes.parent, strict=True):
        prefix = f"{paths[parent]}/" if parent >= 0 else ""
        paths.append(prefix + profile.strings[name])
    return set(paths)


def row_of(profile: Profile, name: str) -> int:
    names = [profile.strings[row] for row in profile.authored.nodes.name]
    return names.index(name)


@pytest.mark.parametrize("name", ["cnn.keras", "cnn.h5", "cnn_saved", "cnn_frozen.pb"])
def test_parameters_are_all_there_and_read_once(tf_files: Path, name: str) -> None:
    graph = preview(tf_files / name).authored
    assert graph.parameters.bytes.sum() == CNN_BYTES
    assert graph.nodes.parameter_bytes.sum() == CNN_BYTES
    assert set(graph.parameter_uses.parameter) == set(range(len(graph.parameters)))


def test_keras_layers_are_nodes_in_scopes_of_their_class(tf_files: Path) -> None:
    profile = preview(tf_files / "cnn.keras")
    graph = profile.authored
    stem = row_of(profile, "stem")
    assert profile.strings[graph.nodes.operator[stem]] == "Conv2D"
    assert profile.strings[graph.scopes.kind[graph.nodes.scope[stem]]] == "Conv2D"
    assert graph.nodes.parameter_bytes[stem] == 4 * (3 * 3 * 3 * 16 + 16)
    names = {profile.strings[row] for row in graph.parameters.name}
    assert {"stem/kernel", "stem/bias", "stem_norm/moving_variance", "head/kernel"} <= names


def test_keras_residual_connections_are_edges(tf_files: Path) -> None:
    for name in ("block.keras", "block.h5"):
        profile = preview(tf_files / name)
        edges = profile.authored.edges
        sources = edges.source[edges.target == row_of(profile, "add1")]
        assert set(sources) == {row_of(profile, "embedding"), row_of(profile, "attention")}
        shapes = edges.shape[edges.target == row_of(profile, "mlp2")]
        assert [profile.strings[row] for row in shapes] == ["?,16,128"]


def test_a_sequential_model_is_a_chain(tf_files: Path) -> None:
    profile = preview(tf_files / "control.keras")
    chain = [profile.strings[row] for row in profile.authored.nodes.operator]
    assert chain == ["InputLayer", "Masking", "GRU", "Dense", "Output"]
    assert list(profile.authored.edges.source) == [0, 1, 2, 3]
    assert list(profile.authored.edges.target) == [1, 2, 3, 4]


def test_a_saved_model_shows_the_model_and_not_its_wrappers(tf_files: Path) -> None:
    profile = preview(tf_files / "cnn_saved")
    found = operators(profile)
    assert (found["Conv2D"], found["MatMul"], found["StatefulPartitionedCall"]) == (2, 1, 0)
    assert not any(operator.startswith(("Save", "Restore")) for operator in found)
    assert found["Placeholder"] == found["_Retval"] == 1
    assert any(
        path.endswith("stem_norm_1/batchnorm") for path in scope_paths(profile.authored, profile)
    )
    names = {profile.strings[row].removesuffix("_1") for row in profile.authored.parameters.name}
    assert "stem/kernel" in names


def test_a_variable_is_followed_through_calls_to_its_reader(tf_files: Path) -> None:
    profile = preview(tf_files / "cnn_saved")
    graph = profile.authored
    conv = [i for i, row in enumerate(graph.nodes.operator) if profile.strings[row] == "Conv2D"]
    assert [graph.nodes.parameter_bytes[row] for row in conv] == [4 * 432, 4 * 4608]


def test_control_flow_holds_subgraphs(tf_files: Path) -> None:
    profile = preview(tf_files / "control_saved")
    graph = profile.authored
    held = {profile.strings[graph.nodes.operator[owner]]: set() for owner in graph.subgraphs.owner}
    for name, owner in zip(graph.subgraphs.name, graph.subgraphs.owner, strict=True):
        held[profile.strings[graph.nodes.operator[owner]]].add(profile.strings[name])
        assert graph.nodes.kind[owner] == NodeKind.CONTROL
    assert held == {"If": {"then", "else"}, "While": {"cond", "body"}}
    inside = {
        profile.strings[name]: {
            profile.strings[graph.nodes.operator[row]]
            for row in (graph.nodes.subgraph == subgraph).nonzero()[0]
        }
        for subgraph, name in enumerate(graph.subgraphs.name)
    }
    assert {"MatMul", "Relu"} <= inside["then"]
    assert {"MatMul", "Tanh"} <= inside["else"] & inside["body"]
    assert "Less" in inside["cond"]
    assert graph.parameters.bytes.sum() == 4 * 4 * 16 * 16


def test_tflite_control_flow_holds_subgraphs(tf_files: Path) -> None:
    profile = preview(tf_files / "control.tflite")
    graph = profile.authored
    held = [
        (profile.strings[graph.nodes.operator[owner]], profile.strings[name])
        for name, owner in zip(graph.subgraphs.name, graph.subgraphs.owner, strict=True)
    ]
    assert held == [("IF", "then"), ("IF", "else"), ("WHILE", "cond"), ("WHILE", "body")]


@pytest.mark.parametrize(
    ("name", "operator"), [("cnn_frozen.pb", "Conv2D"), ("cnn.tflite", "CONV_2D")]
)
def test_convolution_flops(tf_files: Path, name: str, operator: str) -> None:
    profile = preview(tf_files / name)
    nodes = profile.authored.nodes
    found = {
        int(flops)
        for flops, row in zip(nodes.flops, nodes.operator, strict=True)
        if profile.strings[row] == operator
    }
    assert found == CONV_FLOPS


@pytest.mark.parametrize("name", ["cnn_saved", "cnn_frozen.pb", "block_frozen.pb", "cnn.tflite"])
def test_every_node_leads_to_the_output(tf_files: Path, name: str) -> None:
    graph = preview(tf_files / name).authored
    used = {int(row) for row in graph.edges.source}
    ends = {row for row in range(len(graph.nodes)) if graph.nodes.kind[row] == NodeKind.OUTPUT}
    assert ends
    assert used | ends == set(range(len(graph.nodes)))


@pytest.mark.parametrize("name", ["block_frozen.pb", "block.tflite"])
def test_flops_of_a_transformer_block(tf_files: Path, name: str) -> None:
    flops = preview(tf_files / name).authored.nodes.flops
    assert flops[flops > 0].sum() == BLOCK_FLOPS


def tensor_shapes(graph_def: object) -> dict[tuple[int, int, str], str | None]:
    """Shape text by edge, None where it is not known."""
    pool = StringPool()
    edges = read_graph_def(graph_def, pool).edges
    strings = pool.table()
    return {
        (int(source), int(target), strings[tensor]): strings[shape] if shape >= 0 else None
        for source, target, tensor, shape in zip(
            edges.source, edges.target, edges.tensor, edges.shape, strict=True
        )
    }


@pytest.mark.parametrize(("name", "share"), [("cnn_saved", 1.0), ("block_saved", 0.8)])
def test_inferred_shapes_are_those_that_tensorflow_states(
    tf_files: Path, name: str, share: float
) -> None:
    data = (tf_files / name / "saved_model.pb").read_bytes()
    meta_graph = parse("SavedModel", data).meta_graphs[0]
    outputs = meta_graph.signature_def["serving_default"].outputs
    graph_def, prefix = unwrapped(
        subgraph_of(meta_graph.graph_def, {key: outputs[key].name for key in outputs})
    )
    assert prefix.endswith("StatefulPartitionedCall/")
    stated = tensor_shapes(graph_def)
    for node in graph_def.node:
        if node.op != "Placeholder" and "_output_shapes" in node.attr:
            del node.attr["_output_shapes"]
    inferred = {
        edge: shape for edge, shape in tensor_shapes(graph_def).items() if shape is not None
    }
    assert {edge: stated[edge] for edge in inferred} == inferred
    assert len(inferred) >= share * len(stated)
