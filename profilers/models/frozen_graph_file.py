"""TensorFlow 1 frozen graphs: a GraphDef whose weights are constants."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile
from profilers.graphs.tensorflow_protos import parse_file
from profilers.graphs.tf_dangers import Reach, graph_reaches
from profilers.graphs.tf_ends import read_inputs, unread_results
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.graphs.tf_nodes import VARIABLES
from profilers.graphs.tf_signature import subgraph_of
from profilers.models.model_file import Danger, ModelFile
from profilers.models.tf_inputs import placeholder_specs, within_vocabulary
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool

_NODE = b"\x0a"  # GraphDef.node and NodeDef.name alike: field 1 with a length
_OPERATOR = b"\x12"
_OPERATOR_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_>.]{0,199}")
_MODES = ("tf-graph", "tf-xla", "tf-eager", "tflite", "tf-onnxruntime")


def matches(probe: Probe) -> bool:
    """The file begins with a NodeDef: a name and an operator."""
    head = probe.head
    node = length_delimited(head, 0, _NODE)
    name = length_delimited(head, node[0], _NODE) if node else None
    operator = length_delimited(head, name[1], _OPERATOR) if name else None
    if node is None or name is None or operator is None or operator[1] > node[1]:
        return False
    return _OPERATOR_NAME.fullmatch(head[slice(*operator)]) is not None


def inspect(path: Path) -> ModelFile:
    """Graph, inputs and dangers of a frozen graph.

    Raises
    ------
    DamagedFile
        If the bytes are cut, or nodes lack an operator or have the same name.
    """
    pool = StringPool()
    try:
        graph_def = parse_file("GraphDef", path)
        _check_nodes(graph_def)
        graph = read_graph_def(subgraph_of(graph_def, _outputs(graph_def)), pool)
    except ValueError as error:
        raise DamagedFile.because(f"Cannot read the graph {path.name}", error) from error
    strings = pool.table()
    cannot_run = _missing_weights(graph_def)
    return ModelFile(
        path,
        "frozen-graph",
        "Frozen TensorFlow graph",
        "tensorflow",
        () if cannot_run else _MODES,
        within_vocabulary(
            placeholder_specs(graph_def.node, read_inputs(graph_def.node)), graph, strings
        ),
        dangers(graph_reaches(graph_def)),
        Profile(
            path.name,
            strings,
            graphs=(graph,),
            environment=Environment("tensorflow", model_name=path.name),
        ),
        cannot_run,
    )


def dangers(reaches: Sequence[Reach]) -> tuple[Danger, ...]:
    """What the person is asked about, one entry per operator and place."""
    found = [
        Danger(
            reach.operator,
            f"node {reach.node}"
            + (f" in {reach.function}" if reach.function else "")
            + (", runs already while the model is loaded" if reach.while_loading else ""),
            reach.severe,
        )
        for reach in reaches
    ]
    return tuple(dict.fromkeys(found))


def _check_nodes(graph_def: Any) -> None:
    if not graph_def.node:
        raise ValueError("it holds no nodes")
    if any(not node.op or not node.name for node in graph_def.node):
        raise ValueError("some of its nodes have no name or no operator")
    if len({node.name for node in graph_def.node}) < len(graph_def.node):
        raise ValueError("two of its nodes have the same name")


def _outputs(graph_def: Any) -> dict[str, str]:
    """Tensors by the name of the node that makes them."""
    return {f"{name}:0": name for name in unread_results(graph_def.node)}


def _missing_weights(graph_def: Any) -> str:
    count = sum(node.op in VARIABLES for node in graph_def.node)
    if not count:
        return ""
    return (
        f"The graph is not frozen: the values of its {count} variables lie in a checkpoint. "
        "Freeze it, or open the SavedModel folder that it came from."
    )


def length_delimited(data: bytes, start: int, tag: bytes) -> tuple[int, int] | None:
    """Start and end of the content of the protobuf field at `start`, if it has the tag."""
    if data[start : start + 1] != tag:
        return None
    length = 0
    for index, byte in enumerate(data[start + 1 : start + 6]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            begin = start + 2 + index
            return begin, begin + length
    return None
