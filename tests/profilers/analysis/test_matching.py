"""The same model from two frameworks: every telling operator finds its twin."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.operator_family import operator_family
from profilers.analysis.pairing.differences import find_differences
from profilers.analysis.pairing.matching import match_graphs
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, NodeKind, Profile, StringPool, StringTable
from tests.conftest import Capture


def twins(a: Profile, b: Profile, operator: str) -> list[list[str]]:
    """For each node of `a` whose operator holds `operator`, the operators of its twins in `b`."""
    pairs = match_graphs(a.authored, a.strings, b.authored, b.strings).nodes
    found = []
    for row, name in enumerate(a.authored.nodes.operator.tolist()):
        if operator in a.strings[name]:
            rows = pairs.b[pairs.a == row].tolist()
            found.append([b.strings[int(b.authored.nodes.operator[twin])] for twin in rows])
    return found


@pytest.mark.parametrize(
    ("file", "mode", "convolution"),
    [("cnn.keras", "keras", "Conv2D"), ("cnn_saved", "tf-graph", "Conv2D")],
)
def test_convolutions_and_norms_find_their_twins_in_tensorflow(
    capture: Capture, torch_files: Path, tf_files: Path, file: str, mode: str, convolution: str
) -> None:
    ours = capture(torch_files / "cnn.pt2", "torch-export")
    theirs = capture(tf_files / file, mode)
    assert [convolution in each for each in twins(ours, theirs, "conv2d")] == [True, True]
    assert all(twins(ours, theirs, "batch_norm"))
    assert all("Relu" in each for each in twins(ours, theirs, "relu"))
    assert all("MatMul" in each for each in twins(ours, theirs, "linear"))


def test_order_tells_equal_convolutions_apart(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    ours = capture(torch_files / "cnn.pt2", "torch-export")
    theirs = capture(onnx_files / "cnn.onnx", "onnxruntime")
    pairs = match_graphs(ours.authored, ours.strings, theirs.authored, theirs.strings).nodes
    ranks = [
        int(pairs.b[pairs.a == row][0])
        for row, name in enumerate(ours.authored.nodes.operator.tolist())
        if operator_family(ours.strings[name]) == "convolution"
    ]
    assert len(ranks) == 2
    assert ranks == sorted(ranks)


def test_a_transformer_block_finds_its_linear_layers(
    capture: Capture, torch_files: Path, tf_files: Path
) -> None:
    ours = capture(torch_files / "block.pt2", "torch-export")
    theirs = capture(tf_files / "block.keras", "keras")
    linear = twins(ours, theirs, "linear")
    assert all("MatMul" in each or "BatchMatMulV2" in each for each in linear)


def test_linear_layers_inside_attention_find_their_matmuls(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    """ONNX spells attention and its projections out, PyTorch has one operator for each."""
    ours = capture(torch_files / "block.pt2", "torch-export")
    theirs = capture(onnx_files / "block.onnx", "onnxruntime")
    assert all("MatMul" in each for each in twins(ours, theirs, "linear"))
    assert "Softmax" in twins(ours, theirs, "scaled_dot_product")[0]


def test_every_node_is_its_own_likeliest_twin(capture: Capture, torch_files: Path) -> None:
    ours = capture(torch_files / "block.pt2", "torch-export")
    pairs = match_graphs(ours.authored, ours.strings, ours.authored, ours.strings).nodes
    best = pairs.take(np.argsort(-pairs.confidence, kind="stable"))
    _, first = np.unique(best.a, return_index=True)
    assert best.a[first].tolist() == best.b[first].tolist()
    assert len(first) == len(ours.authored.nodes)


def test_branches_and_loops_find_their_twins(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    ours = capture(torch_files / "control.pt2", "torch-export")
    theirs = capture(onnx_files / "control.onnx", "onnxruntime")
    assert twins(ours, theirs, "cond") == [["If"]]
    assert twins(ours, theirs, "while_loop") == [["Loop"]]


def chain(blocks: int, is_torch: bool) -> tuple[Graph, StringTable]:
    """Convolution, normalisation, activation and a sum, in either framework's words and layout."""
    pool = StringPool()
    graph = GraphBuilder(pool)
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    words = ("aten.conv2d", "aten.batch_norm", "aten.relu", "aten.add.Tensor")
    if not is_torch:
        words = ("Conv2D", "FusedBatchNormV3", "Relu", "AddV2")
    for block in range(blocks):
        width = 16 * (1 + block % 7)
        shape = (1, width, 32, 32) if is_torch else (1, 32, 32, width)
        for operator in words:
            node = graph.node(f"{operator}_{block}", operator)
            graph.edge(last, node, f"t{last}", "float32", shape)
            last = node
    return graph.build(), pool.table()


def test_two_thousand_nodes_match_in_order_and_in_time() -> None:
    (ours, our_strings), (theirs, their_strings) = chain(500, True), chain(500, False)
    begin = time.process_time()
    pairs = match_graphs(ours, our_strings, theirs, their_strings).nodes
    assert time.process_time() - begin < 2  # 0.2 s alone; the machine may be busy
    assert pairs.a.tolist() == pairs.b.tolist() == list(range(len(ours.nodes)))


def test_ten_thousand_nodes_match_though_blocks_were_added() -> None:
    """Only what tells most is aligned then; the rest is found beside it."""
    (ours, our_strings), (theirs, their_strings) = chain(2500, True), chain(2600, False)
    begin = time.process_time()
    pairs = match_graphs(ours, our_strings, theirs, their_strings).nodes
    assert time.process_time() - begin < 10  # 2 s alone; the machine may be busy
    assert len(np.unique(pairs.a)) == len(ours.nodes)
    assert len(np.unique(pairs.b)) == len(ours.nodes)
    rows = pairs.b[np.argsort(pairs.a, kind="stable")]
    assert (np.diff(rows) > 0).all()


def test_a_pair_that_could_as_well_be_another_is_not_sure() -> None:
    """Which of the equal blocks is the new one, nobody can tell."""
    (ours, our_strings), (theirs, their_strings) = chain(14, True), chain(28, True)
    bare = [
        replace(graph, nodes=graph.nodes.replace(name=np.full(len(graph.nodes), -1, np.int32)))
        for graph in (ours, theirs)
    ]
    doubtful = match_graphs(bare[0], our_strings, bare[1], their_strings).nodes
    same = match_graphs(bare[0], our_strings, bare[0], our_strings).nodes
    assert np.median(doubtful.confidence) < 0.7 < np.median(same.confidence)


def tangle(count: int, edges: list[tuple[int, int]], operators: list[str]) -> Profile:
    pool = StringPool()
    graph = GraphBuilder(pool)
    for number in range(count):
        graph.node(f"n{number}", operators[number % len(operators)])
    for source, target in edges:
        graph.edge(source, target, f"t{source}", "float32", (1, 4))
    return Profile("tangle", graphs=(graph.build(),), strings=pool.table())


@pytest.mark.parametrize(
    "profile",
    [
        tangle(0, [], ["Conv"]),
        tangle(6, [(at, (at + 1) % 6) for at in range(6)], ["Cast", "Add"]),
        tangle(4, [(1, 1), (0, 1), (1, 2), (2, 3)], ["MatMul", "Softmax", "Mul"]),
        tangle(
            1200,
            [(source, at) for at in range(1200) for source in range(max(0, at - 60), at)],
            ["Mul", "Add", "Sqrt", "ReduceMean", "Softmax", "Erf"],
        ),
    ],
    ids=["empty", "cycle", "self-loop", "dense"],
)
def test_odd_graphs_end_in_time(profile: Profile) -> None:
    begin = time.process_time()
    graphs = (profile.authored, profile.strings)
    match = match_graphs(*graphs, *graphs)
    find_differences(*graphs, *graphs, match)
    assert time.process_time() - begin < 10  # under 1 s alone
    assert match.nodes.a.tolist() == match.nodes.b.tolist()


def test_different_models_share_little(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    cnn = capture(torch_files / "cnn.pt2", "torch-export")
    block = capture(onnx_files / "block.onnx", "onnxruntime")
    pairs = match_graphs(cnn.authored, cnn.strings, block.authored, block.strings).nodes
    convolutions = {
        row
        for row, name in enumerate(cnn.authored.nodes.operator.tolist())
        if "conv" in cnn.strings[name]
    }
    assert not convolutions & set(pairs.a.tolist())
