"""Graphs to lay out: real ones from torch.export and Keras, and made ones of any size."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT = 28.0


@dataclass(frozen=True, eq=False)
class SampleGraph:
    """Boxes as wide as their labels; edges enter and leave at their middles."""

    name: str
    blocks: NDArray[np.float64]
    edges: NDArray[np.int64]
    heads: NDArray[np.int64]


class _Drawing:
    """Labels and edges as they are met."""

    def __init__(self) -> None:
        self._labels: list[str] = []
        self._edges: set[tuple[int, int]] = set()

    def box(self, label: str, *sources: int) -> int:
        self._labels.append(label)
        number = len(self._labels) - 1
        self._edges |= {(source, number) for source in sources}
        return number

    def tie(self, source: int, target: int) -> None:
        self._edges.add((source, target))

    def weighted(self, label: str, weights: Iterable[str], *sources: int) -> int:
        return self.box(label, *sources, *[self.box(weight) for weight in weights])

    def graph(self, name: str) -> SampleGraph:
        width = np.array([30.0 + 7 * len(label) for label in self._labels])
        blocks = np.column_stack([width, np.full(len(width), HEIGHT), width / 2, width / 2])
        heads = [at for at, label in enumerate(self._labels) if label == "input"]
        edges = np.array(sorted(self._edges), np.int64).reshape(-1, 2)
        return SampleGraph(name, blocks, edges, np.array(heads, np.int64))


def transformer(boxes: int, with_weights: bool) -> SampleGraph:
    """Attention layers with a mask that all read, and skips over six layers now and then."""
    drawing = _Drawing()
    weights = ("weight", "bias") if with_weights else ()
    state, mask = drawing.box("input"), drawing.box("mask")
    stages: list[int] = []
    count, layer = 2, 0
    while count < boxes:
        before = state
        normed = drawing.weighted("layer_norm", weights, state)
        heads = []
        for _ in range(3):
            linear = drawing.weighted("linear", weights, normed)
            heads.append(drawing.box("transpose", drawing.box("view", linear)))
        scores = drawing.box("bmm", heads[0], drawing.box("transpose", heads[1]))
        scores = drawing.box("add", drawing.box("mul", scores), mask)
        mixed = drawing.box("bmm", drawing.box("softmax", scores), heads[2])
        mixed = drawing.box("view", drawing.box("transpose", mixed))
        mixed = drawing.box("add", drawing.weighted("linear", weights, mixed), state)
        hidden = drawing.weighted("layer_norm", weights, mixed)
        hidden = drawing.box("gelu", drawing.weighted("linear", weights, hidden))
        state = drawing.box("add", drawing.weighted("linear", weights, hidden), mixed)
        count, layer = count + state - before, layer + 1
        if layer % 6 == 0:
            stages.append(state)
            if len(stages) > 2 and layer % 12 == 0:
                state = drawing.box("add", state, stages[-3])
    drawing.box("output", drawing.box("layer_norm", state))
    kind = "weights" if with_weights else "data only"
    return drawing.graph(f"transformer {boxes}, {kind}")


def random_flow(boxes: int) -> SampleGraph:
    """Each box reads one or two among the twenty or so before it: no model is as tangled."""
    random = np.random.default_rng(3)
    drawing = _Drawing()
    for number in range(boxes):
        back = random.exponential(20, 1 + int(random.random() < 0.5)).astype(np.int64)
        drawing.box("op", *np.maximum(number - 1 - back, 0).tolist() if number else ())
    return drawing.graph(f"random {boxes}")


def torch_graphs() -> Iterator[SampleGraph]:
    """Exported programs, weights included."""
    import torch

    from tests.benchmarks.layout_models import bottleneck_network, deep_transformer

    for name, model, inputs in (
        ("torch ResNet-50", bottleneck_network(), torch.randn(1, 3, 64, 64)),
        ("torch transformer 12", deep_transformer(12), torch.randn(1, 16, 64)),
        ("torch transformer 48", deep_transformer(48), torch.randn(1, 16, 64)),
    ):
        drawing, number = _Drawing(), {}
        exported = torch.export.export(model.eval(), (inputs,))
        named = set(exported.graph_signature.user_inputs)
        for node in exported.graph.nodes:
            label = str(node.target).split(".")[1] if node.op == "call_function" else node.op
            if node.op == "placeholder":
                label = "input" if node.name in named else "weight"
            number[node] = drawing.box(label, *[number[each] for each in node.all_input_nodes])
        yield drawing.graph(name)


def keras_graphs() -> Iterator[SampleGraph]:
    """Layers of Keras models, and the operations that TensorFlow runs for one of them."""
    import keras
    import tensorflow as tf

    for model in (
        keras.applications.ResNet50(weights=None),
        keras.applications.EfficientNetB0(weights=None),
    ):
        yield _keras_layers(model)
    model = keras.applications.ResNet50(weights=None)
    function = tf.function(lambda images: model(images, training=False))
    shape = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)
    drawing, number = _Drawing(), {}
    operations = function.get_concrete_function(shape).graph.get_operations()
    for operation in operations:
        number[operation] = drawing.box("input" if operation.name == "images" else operation.type)
    for operation in operations:
        for tensor in operation.inputs:
            drawing.tie(number[tensor.op], number[operation])
    yield drawing.graph("TensorFlow ResNet-50")


def _keras_layers(model: Any) -> SampleGraph:
    drawing = _Drawing()
    number = {}
    for layer in model.layers:
        label = "input" if type(layer).__name__ == "InputLayer" else type(layer).__name__
        number[layer.name] = drawing.box(label)
    for layer in model.layers:
        for node in layer._inbound_nodes:
            for tensor in node.input_tensors:
                source = tensor._keras_history.operation.name
                if source in number and source != layer.name:
                    drawing.tie(number[source], number[layer.name])
    return drawing.graph(f"Keras {model.name}")


def small_graphs() -> Iterator[SampleGraph]:
    yield transformer(50, False)
    yield transformer(1000, True)
    yield transformer(1000, False)
    yield random_flow(300)
    yield random_flow(2000)


def large_graphs() -> Iterator[SampleGraph]:
    yield transformer(10_000, False)
    yield transformer(10_000, True)
    yield transformer(100_000, True)


SOURCES: tuple[Callable[[], Iterator[SampleGraph]], ...] = (
    torch_graphs,
    keras_graphs,
    small_graphs,
    large_graphs,
)
