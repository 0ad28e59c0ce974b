"""What differs between two graphs is found where it begins, and said in one sentence."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from profilers.analysis.pairing.differences import (
    DifferenceKind,
    find_differences,
    sentence,
    turned,
)
from profilers.analysis.pairing.matching import match_graphs
from profilers.graphs.builder import GraphBuilder
from profilers.profile import NodeKind, Profile, StringPool


@dataclass(frozen=True)
class Layer:
    """A layer of a chain; `size` is channels, height and width of what it makes."""

    operator: str
    path: str
    size: tuple[int, int, int] = (16, 32, 32)
    attributes: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    weights: int = 0


CONV = Layer("aten.conv2d", "conv1", attributes={"stride": [1, 1]}, weights=432)
NORM = Layer("aten.batch_norm", "bn1", attributes={"eps": 1e-5}, weights=64)
RELU = Layer("aten.relu", "act")
POOL = Layer("aten.max_pool2d", "pool", (16, 16, 16))
NEXT = Layer("aten.conv2d", "conv2", (32, 16, 16), weights=4608)
HEAD = Layer("aten.relu", "last", (32, 16, 16))
PLAIN = (CONV, NORM, RELU, POOL, NEXT, HEAD)


def chain(*layers: Layer, is_channels_last: bool = False, dtype: str = "float32") -> Profile:
    pool = StringPool()
    graph = GraphBuilder(pool)

    def shape(size: tuple[int, int, int]) -> tuple[int, ...]:
        return (1, *size[1:], size[0]) if is_channels_last else (1, *size)

    last, size, made = graph.node("x", "input", kind=NodeKind.INPUT), (3, 32, 32), dtype
    for number, layer in enumerate(layers):
        scope = graph.scope([(layer.path, "")])
        node = graph.node(f"n{number}", layer.operator, scope=scope, attributes=layer.attributes)
        if layer.weights:
            graph.use(graph.parameter(f"{layer.path}.weight", "float32", (layer.weights,)), node)
        graph.edge(last, node, f"t{number}", made, shape(size))
        last, size, made = node, layer.size, layer.dtype
    output = graph.node("y", "output", kind=NodeKind.OUTPUT)
    graph.edge(last, output, "y", made, shape(size))
    return Profile("chain", graphs=(graph.build(),), strings=pool.table())


def told(a: Profile, b: Profile) -> list[str]:
    graphs = (a.authored, a.strings, b.authored, b.strings)
    found = find_differences(*graphs, match_graphs(*graphs))
    return [
        sentence(DifferenceKind(kind), node, twin, *graphs)
        for kind, node, twin in zip(
            found.kind.tolist(), found.a.tolist(), found.b.tolist(), strict=True
        )
    ]


def changed(layers: tuple[Layer, ...], path: str, **values: Any) -> tuple[Layer, ...]:
    return tuple(
        Layer(**{**vars(layer), **values}) if layer.path == path else layer for layer in layers
    )


def test_a_graph_does_not_differ_from_itself_in_another_layout() -> None:
    assert told(chain(*PLAIN), chain(*PLAIN)) == []
    assert told(chain(*PLAIN), chain(*PLAIN, is_channels_last=True)) == []


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            changed(PLAIN, "conv1", attributes={"stride": [2, 2]}),
            ["conv1: stride 1 became 2"],
        ),
        (changed(PLAIN, "conv2", attributes={"stride": [2, 1]}), ["conv2: stride 1 became 2×1"]),
        (changed(PLAIN, "bn1", attributes={"eps": 1e-3}), ["bn1: epsilon 1e-05 became 0.001"]),
        (changed(PLAIN, "bn1", attributes={"eps": 9.99999975e-06}), []),
        (
            changed(PLAIN, "act", operator="aten.gelu"),
            ["act: aten.relu became aten.gelu"],
        ),
        (PLAIN[:2] + PLAIN[3:], ["Only here: act (aten.relu)"]),
        ((*PLAIN, Layer("aten.softmax", "soft")), ["Only there: soft (aten.softmax)"]),
    ],
)
def test_one_change_is_one_sentence(layers: tuple[Layer, ...], expected: list[str]) -> None:
    assert told(chain(*PLAIN), chain(*layers)) == expected


def test_a_wider_layer_is_told_and_not_all_that_follows() -> None:
    wider = changed(
        changed(PLAIN, "conv2", size=(48, 16, 16), weights=6912), "last", size=(48, 16, 16)
    )
    assert told(chain(*PLAIN), chain(*wider)) == ["conv2: shape 1×32×16×16 became 1×48×16×16"]


def test_a_dtype_is_told_where_it_begins() -> None:
    half = tuple(Layer(**{**vars(layer), "dtype": "float16"}) for layer in PLAIN)
    assert told(chain(*PLAIN), chain(*half, dtype="float16")) == ["x: dtype float32 became float16"]
    assert told(chain(*PLAIN), chain(*half)) == ["conv1: dtype float32 became float16"]


def test_dropout_is_told_though_it_computes_nothing() -> None:
    dropped = (*PLAIN[:3], Layer("aten.dropout", "drop"), *PLAIN[3:])
    assert told(chain(*dropped), chain(*PLAIN)) == ["Only here: drop (aten.dropout)"]


def test_what_a_fused_operator_took_in_is_part_of_it() -> None:
    fused = changed(PLAIN[:1] + PLAIN[3:], "conv1", operator="FusedConv", attributes={})
    assert told(chain(*PLAIN[:1], *PLAIN[2:]), chain(*fused)) == [
        "act (aten.relu) is part of FusedConv there (conv1)"
    ]


def test_turned_round_here_is_there() -> None:
    a, b = chain(*PLAIN), chain(*PLAIN[:2], *PLAIN[3:])
    graphs = (a.authored, a.strings, b.authored, b.strings)
    found = find_differences(*graphs, match_graphs(*graphs))
    back = turned(found)
    assert back.kind.tolist() == [DifferenceKind.ONLY_THERE]
    assert back.b.tolist() == found.a.tolist()
    assert np.array_equal(turned(back).kind, found.kind)
    assert told(b, a) == ["Only there: act (aten.relu)"]
