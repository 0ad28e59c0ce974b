"""The graph of an exported program and the module trees, as the files tell them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from profilers.graphs.torch_flops import torch_flops
from profilers.profile import UNKNOWN, NodeKind, decode
from tests.profilers.models.torch_archives import (
    edit_archive,
    edit_program,
    inspected,
    node_rows,
    scope_path,
)


def test_exported_graph_has_operators_scopes_shapes_and_weights(torch_files: Path) -> None:
    preview = inspected(torch_files / "cnn.pt2").preview
    graph = preview.authored
    rows = node_rows(preview, graph)
    conv = rows["conv2d"]
    assert preview.strings[graph.nodes.operator[conv]] == "aten.conv2d"
    assert scope_path(preview, graph, conv) == [("stem", "Sequential"), ("0", "Conv2d")]
    assert preview.strings[graph.nodes.source[conv]].startswith("torch_zoo.py:")
    assert graph.nodes.parameter_bytes[conv] == 4 * (16 * 3 * 3 * 3 + 16)
    assert decode(graph.attributes, conv) == {"stride": [1, 1], "padding": [1, 1]}
    (after,) = np.flatnonzero(graph.edges.source == conv)
    assert graph.edges.target[after] == rows["batch_norm"]
    assert preview.strings[graph.edges.shape[after]] == "1,16,32,32"
    assert graph.edges.bytes[after] == 4 * 16 * 32 * 32


def test_flops_are_counted_where_there_is_a_formula(torch_files: Path) -> None:
    preview = inspected(torch_files / "cnn.pt2").preview
    graph = preview.authored
    rows = node_rows(preview, graph)
    assert graph.nodes.flops[rows["conv2d"]] == 2 * 16 * 32 * 32 * 3 * 3 * 3
    assert graph.nodes.flops[rows["conv2d_1"]] == 2 * 32 * 16 * 16 * 16 * 3 * 3
    assert graph.nodes.flops[rows["linear"]] == 2 * 32 * 10
    assert graph.nodes.flops[rows["relu"]] == UNKNOWN


def test_attention_is_counted(torch_files: Path) -> None:
    preview = inspected(torch_files / "block.pt2").preview
    graph = preview.authored
    row = node_rows(preview, graph)["scaled_dot_product_attention"]
    assert graph.nodes.flops[row] == 2 * (2 * 2 * 16 * 16 * 16)
    assert scope_path(preview, graph, row) == [("attention", "Attention")]


def test_formulas_agree_between_the_names_of_one_product() -> None:
    whole = 2 * 3 * 5 * 7
    assert torch_flops("aten::mm", [(3, 5), (5, 7)], (3, 7)) == whole
    assert torch_flops("aten.addmm.default", [(7,), (3, 5), (5, 7)], (3, 7)) == whole
    assert torch_flops("aten.linear.default", [(3, 5), (7, 5), (7,)], (3, 7)) == whole
    assert torch_flops("aten.bmm", [(2, 3, 5), (2, 5, 7)], (2, 3, 7)) == 2 * whole
    assert torch_flops("aten.conv_transpose2d", [(1, 4, 8, 8), (4, 6, 2, 2)], (1, 6, 16, 16)) == (
        2 * 4 * 8 * 8 * 6 * 2 * 2
    )
    assert torch_flops("aten.mm", [(3, "batch"), (5, 7)], (3, 7)) == UNKNOWN


def test_control_flow_owns_its_bodies(torch_files: Path) -> None:
    preview = inspected(torch_files / "control.pt2").preview
    graph = preview.authored
    rows = node_rows(preview, graph)
    owners = graph.subgraphs.owner.tolist()
    titles = [preview.strings[name] for name in graph.subgraphs.name]
    cond, loop = rows["cond"], rows["while_loop"]
    assert list(zip(titles, owners, strict=True)) == [
        ("then", cond), ("else", cond), ("cond", loop), ("body", loop),
    ]  # fmt: skip
    assert graph.nodes.kind[cond] == graph.nodes.kind[loop] == NodeKind.CONTROL
    then = np.flatnonzero(graph.nodes.subgraph == 0)
    assert [preview.strings[graph.nodes.operator[row]] for row in then] == [
        "input", "aten.linear", "aten.relu", "output",
    ]  # fmt: skip
    (linear,) = [row for row in then if graph.nodes.parameter_bytes[row]]
    used = graph.parameter_uses.parameter[graph.parameter_uses.node == linear]
    assert {preview.strings[graph.parameters.name[row]] for row in used} == {
        "positive.weight", "positive.bias",
    }  # fmt: skip


def test_dynamic_sizes_are_symbols(torch_files: Path, tmp_path: Path) -> None:
    def make_dynamic(document: dict[str, Any]) -> None:
        size = {"as_expr": {"expr_str": "Symbol('s7', integer=True)", "hint": {"as_int": 4}}}
        for meta in document["graph_module"]["graph"]["tensor_values"].values():
            if len(meta["sizes"]) == 4 and meta["sizes"][0] == {"as_int": 1}:
                meta["sizes"][0] = size

    path = edit_program(torch_files / "cnn.pt2", tmp_path / "dynamic.pt2", make_dynamic)
    model = inspected(path)
    assert not model.needs_trust
    (spec,) = model.inputs
    assert spec.shape == ("s7", 3, 32, 32)
    assert spec.with_sizes().shape == (4, 3, 32, 32)
    graph = model.preview.authored
    conv = node_rows(model.preview, graph)["conv2d"]
    assert graph.nodes.flops[conv] == UNKNOWN
    (after,) = np.flatnonzero(graph.edges.source == conv)
    assert model.preview.strings[graph.edges.shape[after]] == "s7,16,32,32"
    assert graph.edges.bytes[after] == UNKNOWN


def test_module_tree_of_a_pickle_and_of_torchscript_agree(torch_files: Path) -> None:
    trees = []
    for name in ("block.pt", "block.ts.pt"):
        preview = inspected(torch_files / name).preview
        graph = preview.authored
        trees.append(
            {
                key: (preview.strings[graph.nodes.operator[row]], scope_path(preview, graph, row))
                for key, row in node_rows(preview, graph).items()
            }
        )
    assert trees[0] == trees[1]
    assert trees[0]["attention.qkv"] == ("Linear", [("attention", "Attention"), ("qkv", "Linear")])


def test_what_a_sequential_holds_is_joined_in_order(torch_files: Path) -> None:
    preview = inspected(torch_files / "cnn.pt").preview
    graph = preview.authored
    names = [preview.strings[row] for row in graph.nodes.name]
    pairs = {
        (names[source], names[target])
        for source, target in zip(graph.edges.source, graph.edges.target, strict=True)
    }
    assert pairs == {
        ("stem.0", "stem.1"), ("stem.1", "stem.2"), ("body.0", "body.1"), ("body.1", "body.2"),
    }  # fmt: skip
    assert decode(graph.attributes, names.index("stem.0"))["kernel_size"] == [3, 3]


def test_a_shared_weight_is_listed_once(torch_files: Path, tmp_path: Path) -> None:
    def share(name: str, content: bytes) -> bytes:
        if not name.endswith("/model_weights_config.json"):
            return content
        table = json.loads(content)
        entries = table["config"]
        entries["body.1.running_var"] = entries["body.1.running_mean"]
        return json.dumps(table).encode()

    whole = inspected(torch_files / "cnn.pt2").preview.authored
    path = edit_archive(torch_files / "cnn.pt2", tmp_path / "shared.pt2", share)
    shared = inspected(path).preview.authored
    assert len(shared.parameters) == len(whole.parameters) - 1
    assert whole.parameters.bytes.sum() - shared.parameters.bytes.sum() == 32 * 4
