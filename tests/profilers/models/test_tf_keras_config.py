"""Keras configurations beyond plain models: nested, shared, subclassed, written by Keras 2."""

from typing import Any

import pytest

from profilers.graphs.keras_config import KerasModel, KerasWeight, read_keras_config
from profilers.models.keras_dangers import config_dangers
from profilers.profile import StringPool, StringTable


def read(
    config: dict[str, Any], weights: tuple[KerasWeight, ...] = ()
) -> tuple[KerasModel, StringTable]:
    pool = StringPool()
    model = read_keras_config(config, weights, pool)
    return model, pool.table()


def layer(class_name: str, name: str, *sources: str, **config: Any) -> dict[str, Any]:
    """A layer of a functional model, called on one output of each source."""
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None, 4], "keras_history": [s, 0, 0]},
        }
        for s in sources
    ]
    calls = [{"args": [tensors], "kwargs": {}}] if tensors else []
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": calls,
    }


def functional(name: str, layers: list[Any], inputs: list[Any], outputs: list[Any]) -> Any:
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"module": "keras", "class_name": "Functional", "config": config, "name": name}


def drawn(model: KerasModel, strings: StringTable) -> set[tuple[str, str]]:
    names = [strings[row] for row in model.graph.nodes.name]
    edges = model.graph.edges
    return {(names[s], names[t]) for s, t in zip(edges.source, edges.target, strict=True)}


def test_a_nested_model_is_a_scope_that_tensors_enter_and_leave() -> None:
    inner = functional(
        "inner",
        [layer("InputLayer", "in"), layer("Dense", "p", "in"), layer("Dense", "q", "in")],
        [["in", 0, 0]],
        [["p", 0, 0], ["q", 0, 0]],
    )
    inner["inbound_nodes"] = layer("", "", "x")["inbound_nodes"]
    second = layer("ReLU", "act", "inner")
    second["inbound_nodes"][0]["args"][0][0]["config"]["keras_history"] = ["inner", 0, 1]
    given = layer("InputLayer", "x", batch_shape=[None, 4], dtype="int32")
    outer = functional("outer", [given, inner, second], ["x", 0, 0], ["act", 0, 0])
    weight = KerasWeight(("inner", "q", "0"), "float32", (4, 4))
    model, strings = read(outer, (weight,))
    assert drawn(model, strings) == {
        ("x", "inner/in"),
        ("inner/in", "inner/p"),
        ("inner/in", "inner/q"),
        ("inner/q", "act"),
        ("act", "output:0"),
    }
    names = [strings[row] for row in model.graph.nodes.name]
    assert model.graph.nodes.parameter_bytes[names.index("inner/q")] == 64
    assert [(i.name, i.dtype, i.shape) for i in model.inputs] == [("x", "int32", (None, 4))]


def test_lists_of_keras_2_are_calls() -> None:
    def old(class_name: str, name: str, calls: list[Any], **config: Any) -> dict[str, Any]:
        return {"class_name": class_name, "name": name, "config": config, "inbound_nodes": calls}

    layers = [
        old("InputLayer", "a", [], batch_input_shape=[None, 8], dtype="float32"),
        old("Dense", "d", [[["a", 0, 0, {}]]], units=8),
        old("Add", "sum", [[["a", 0, 0, {}], ["d", 0, 0, {}]]]),
    ]
    config = functional("old", layers, [["a", 0, 0]], [["sum", 0, 0]])
    model, strings = read(config)
    expected = {("a", "d"), ("a", "sum"), ("d", "sum"), ("sum", "output:0")}
    assert drawn(model, strings) == expected
    assert model.inputs[0].shape == (None, 8)


def test_a_subclassed_model_shows_the_layers_that_own_weights() -> None:
    config = {
        "module": None,
        "class_name": "Mine",
        "registered_name": "Mine",
        "config": {},
        "build_config": {"input_shape": [1, 5]},
    }
    weights = (
        KerasWeight(("dense", "0"), "float32", (5, 4)),
        KerasWeight(("dense", "1"), "float32", (4,)),
        KerasWeight(("out", "0"), "float32", (4, 3)),
    )
    model, strings = read(config, weights)
    assert [strings[row] for row in model.graph.nodes.name] == ["dense", "out"]
    assert list(model.graph.nodes.parameter_bytes) == [96, 48]
    assert [(i.shape, i.guessed) for i in model.inputs] == [((1, 5), True)]
    assert [danger.call for danger in config_dangers(config, "x")] == [
        "the class registered as Mine"
    ]


def test_a_class_of_the_standard_library_is_severe() -> None:
    (danger,) = config_dangers({"module": "os", "class_name": "system", "config": "id"}, "config")
    assert (danger.call, danger.severe) == ("os.system", True)


def test_a_layer_used_twice_is_one_node_with_both_calls() -> None:
    shared = layer("Dense", "shared", "a")
    shared["inbound_nodes"] += layer("", "", "b")["inbound_nodes"]
    layers = [layer("InputLayer", "a"), layer("InputLayer", "b"), shared]
    model, strings = read(functional("twins", layers, [], [["shared", 0, 0]]))
    assert drawn(model, strings) == {("a", "shared"), ("b", "shared"), ("shared", "output:0")}


def test_models_nested_without_end_are_refused() -> None:
    config: Any = layer("Dense", "d")
    for _ in range(100):
        config = functional("model", [config], [], [])
    with pytest.raises(ValueError, match="nested"):
        read(config)
