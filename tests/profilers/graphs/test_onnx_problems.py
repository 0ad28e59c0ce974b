"""Bad ONNX graphs are shown as far as they are sound, with the problem named on the node."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper

from profilers.graphs import onnx_checks
from profilers.models.onnx_file import inspect
from profilers.profile import Graph, NodeKind, Profile

FLOATS = TensorProto.FLOAT


def profile_of(
    folder: Path,
    nodes: Sequence[NodeProto],
    *,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    weights: Sequence[TensorProto] = (),
    functions: Sequence[FunctionProto] = (),
    domains: Sequence[str] = (),
) -> Profile:
    """What opening a file with these nodes shows; its input is x."""
    graph = helper.make_graph(
        list(nodes),
        "bad",
        [helper.make_tensor_value_info("x", FLOATS, (1, 4))],
        [helper.make_tensor_value_info(name, FLOATS, None) for name in outputs],
        list(weights),
    )
    model: ModelProto = helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid("", opset),
            *(helper.make_opsetid(d, 1) for d in domains),
        ],
        functions=list(functions),
    )
    path = folder / "bad.onnx"
    path.write_bytes(model.SerializeToString())
    return inspect(path).preview


def problems_of(profile: Profile) -> dict[str, list[str]]:
    """Sentences by the name of the node that they stand on."""
    graph, strings = profile.authored, profile.strings
    found: dict[str, list[str]] = {}
    for node, sentence in zip(
        graph.problems.node.tolist(), graph.problems.sentence.tolist(), strict=True
    ):
        found.setdefault(strings[int(graph.nodes.name[node])], []).append(strings[sentence])
    return found


def edges_of(profile: Profile) -> set[tuple[str, str]]:
    graph: Graph = profile.authored
    names = [profile.strings[row] for row in graph.nodes.name.tolist()]
    return {
        (names[source], names[target])
        for source, target in zip(
            graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
        )
    }


def test_a_cycle_is_named_on_each_of_its_nodes_and_nowhere_else(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Relu", ["x"], ["a"], name="before"),
            helper.make_node("Add", ["a", "d"], ["b"], name="one"),
            helper.make_node("Relu", ["b"], ["c"], name="two"),
            helper.make_node("Neg", ["c"], ["d"], name="three"),
            helper.make_node("Neg", ["c"], ["y"], name="after"),
        ],
    )
    found = problems_of(profile)
    assert set(found) == {"one", "two", "three"}
    assert found["one"] == ["Lies on a cycle with 'two', so neither can ever run."]
    assert {("one", "two"), ("two", "three"), ("three", "one")} <= edges_of(profile)


def test_a_node_that_reads_its_own_result(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [helper.make_node("Add", ["x", "y"], ["y"], name="self")])
    assert problems_of(profile) == {"self": ["Reads its own result, so it can never run."]}


def test_nodes_out_of_order_are_no_cycle(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Neg", ["a"], ["y"], name="second"),
            helper.make_node("Relu", ["x"], ["a"], name="first"),
        ],
    )
    assert problems_of(profile) == {}
    assert ("first", "second") in edges_of(profile)


def test_a_tensor_that_nothing_makes(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Add", ["x", "ghost"], ["a"], name="one"),
            helper.make_node("Mul", ["a", "ghost"], ["y"], name="two"),
        ],
    )
    sentence = "Reads 'ghost', which no node makes and no input gives."
    assert problems_of(profile) == {"one": [sentence], "two": [sentence]}
    kinds = profile.authored.nodes.kind
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    assert kinds[names.index("ghost")] == NodeKind.INPUT


def test_an_output_that_nothing_makes(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path, [helper.make_node("Relu", ["x"], ["y"], name="one")], outputs=("y", "z")
    )
    assert "Reads 'z'" in problems_of(profile)["z"][0]


def test_a_tensor_that_is_made_twice(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Relu", ["x"], ["a"], name="one"),
            helper.make_node("Neg", ["x"], ["a"], name="two"),
            helper.make_node("Neg", ["a"], ["y"], name="three"),
        ],
    )
    assert list(problems_of(profile)) == ["two"]
    assert ("one", "three") in edges_of(profile)


@pytest.mark.parametrize(
    ("node", "opset", "sentence"),
    [
        (helper.make_node("Gelu", ["x"], ["y"], name="n"), 17, "The operator Gelu is not in opset 17 of ai.onnx."),
        (helper.make_node("Frobnicate", ["x"], ["y"], name="n"), 17, "The operator Frobnicate is not in opset 17 of ai.onnx."),
        (helper.make_node("Upsample", ["x"], ["y"], name="n"), 17, "The operator Upsample was taken out before opset 17 of ai.onnx."),
        (helper.make_node("Op", ["x"], ["y"], name="n", domain="my.ops"), 17, "The operator Op is of the domain my.ops, which is not known."),
    ],
)  # fmt: skip
def test_operators_that_are_not_known(
    tmp_path: Path, node: NodeProto, opset: int, sentence: str
) -> None:
    profile = profile_of(tmp_path, [node], opset=opset, domains=("my.ops",))
    assert problems_of(profile) == {"n": [sentence]}


def test_known_operators_have_no_problem(tmp_path: Path) -> None:
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Gelu", ["x"], ["a"], name="newer", domain="com.microsoft"),
            helper.make_node("Relu", ["a"], ["y"], name="plain"),
        ],
        domains=("com.microsoft",),
    )
    assert problems_of(profile) == {}


def test_an_opset_from_the_future_is_no_problem_of_the_nodes(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [helper.make_node("New", ["x"], ["y"], name="n")], opset=9999)
    assert problems_of(profile) == {}
    assert any("opset 9999" in each.message for each in profile.diagnostics)


@pytest.mark.parametrize(
    ("location", "words"), [("gone.bin", "which is missing"), ("../out.bin", "outside")]
)
def test_weights_that_cannot_be_read(tmp_path: Path, location: str, words: str) -> None:
    weight = TensorProto(name="w", data_type=FLOATS, dims=[4, 4])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("MatMul", ["x", "w"], ["a"], name="reads"),
            helper.make_node("Relu", ["a"], ["y"], name="does not"),
        ],
        weights=[weight],
    )
    found = problems_of(profile)
    assert list(found) == ["reads"]
    assert words in found["reads"][0]
    assert int(profile.authored.parameters.bytes[0]) == 64


def _function(name: str, nodes: Sequence[NodeProto]) -> FunctionProto:
    return helper.make_function(
        "local", name, ["fx"], ["fy"], list(nodes), [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    )  # fmt: skip


def test_a_function_of_the_model_opens_in_place(tmp_path: Path) -> None:
    double = _function("Double", [helper.make_node("Add", ["fx", "fx"], ["fy"], name="sum")])
    profile = profile_of(
        tmp_path,
        [
            helper.make_node("Double", ["x"], ["a"], name="first", domain="local"),
            helper.make_node("Double", ["a"], ["y"], name="second", domain="local"),
        ],
        functions=[double],
        domains=("local",),
    )
    graph = profile.authored
    assert problems_of(profile) == {}
    assert len(graph.subgraphs) == 2
    owners = [profile.strings[int(graph.nodes.name[row])] for row in graph.subgraphs.owner.tolist()]
    assert owners == ["first", "second"]
    assert int((graph.nodes.subgraph >= 0).sum()) == 2 * 3  # input, sum, output


def test_a_function_that_calls_itself(tmp_path: Path) -> None:
    endless = _function(
        "Endless", [helper.make_node("Endless", ["fx"], ["fy"], name="again", domain="local")]
    )
    profile = profile_of(
        tmp_path,
        [helper.make_node("Endless", ["x"], ["y"], name="call", domain="local")],
        functions=[endless],
        domains=("local",),
    )
    assert problems_of(profile) == {
        "again": ["The function Endless calls itself, so it can never end."]
    }


def test_functions_that_double_each_other_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty functions, each calling the next one twice, stand for a thousand million nodes."""
    monkeypatch.setattr(onnx_checks, "_MOST_NODES", 2000)
    functions = [
        _function(
            f"F{level}",
            [
                helper.make_node(f"F{level + 1}", ["fx"], ["m"], name="one", domain="local"),
                helper.make_node(f"F{level + 1}", ["m"], ["fy"], name="two", domain="local"),
            ],
        )
        for level in range(30)
    ]
    functions.append(_function("F30", [helper.make_node("Relu", ["fx"], ["fy"], name="end")]))
    profile = profile_of(
        tmp_path,
        [helper.make_node("F0", ["x"], ["y"], name="call", domain="local")],
        functions=functions,
        domains=("local",),
    )
    sentences = {sentence for said in problems_of(profile).values() for sentence in said}
    assert sentences == {
        "Opening every function would take too many nodes; this one is not opened."
    }


def test_names_of_ten_thousand_characters(tmp_path: Path) -> None:
    long = "n" * 10_000
    profile = profile_of(
        tmp_path, [helper.make_node("Add", ["x", long], ["y"], name=long, doc_string=long)]
    )
    ((sentence,),) = problems_of(profile).values()
    assert len(sentence) < 200
    assert long in list(profile.strings)


def test_a_body_that_reads_from_nowhere(tmp_path: Path) -> None:
    """The branches read a tensor from outside, and one that is not there either."""
    branch = helper.make_graph(
        [helper.make_node("Add", ["later", "ghost"], ["out"], name="inside")],
        "branch", [], [helper.make_tensor_value_info("out", FLOATS, None)],
    )  # fmt: skip
    profile = profile_of(
        tmp_path,
        [
            helper.make_node(
                "If", ["flag"], ["y"], name="if", then_branch=branch, else_branch=branch
            ),
            helper.make_node("Relu", ["x"], ["later"], name="maker"),
            helper.make_node("Not", ["x"], ["flag"], name="flags"),
        ],
    )
    found = problems_of(profile)
    assert all("'ghost'" in sentence for said in found.values() for sentence in said)
    assert {"inside"} <= {name.partition("~")[0] for name in found}
    assert ("maker", "if") in edges_of(profile)
