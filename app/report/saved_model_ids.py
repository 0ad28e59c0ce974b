"""Nodes of a SavedModel as Model Explorer numbers them where it reads the file directly.

Its "TF adapter (direct)" shows the main graph ("main", nodes numbered from 0 as they stand in the file)
and each function by its name (0 is the box of all inputs, nodes from 1). A profile knows neither
number nor function, so that both are looked up in the file by name and operator.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.report.node_values import CALLS
from profilers.graphs.tensorflow_protos import parse_file
from profilers.profile import NodeKind, Profile

FILE = "saved_model.pb"
_MAIN = "main"
_FOUND = 0.5  # of a graph's nodes, for it to be the one
_OWN = (NodeKind.OPERATOR, NodeKind.CONTROL)

_Key = tuple[str, str]  # name and operator


def rows_by_id(profile: Profile) -> dict[str, dict[str, int]]:
    """By graph, and in it by number: the row of the node in the profile; {} without a SavedModel.

    The file must still be where it was profiled.
    """
    file = Path(str(profile.environment.request.get("model_path", ""))) / FILE
    try:
        saved = parse_file("SavedModel", file)
    except (OSError, ValueError):  # no such file, or no longer that model
        return {}
    found: dict[str, dict[str, int]] = {}
    taken: Counter[int] = Counter()
    ours = _rows_by_subgraph(profile)
    for graph, numbered in _graphs(saved):
        best = max(ours, key=lambda part: (_share(ours[part], numbered), -taken[part]), default=-1)
        if best in ours and _share(ours[best], numbered) >= _FOUND:
            taken[best] += 1
            found[graph] = {
                numbered[key]: row for key, row in ours[best].items() if key in numbered
            }
    return found


def _rows_by_subgraph(profile: Profile) -> dict[int, dict[_Key, int]]:
    nodes, strings = profile.authored.nodes, profile.strings
    found: dict[int, dict[_Key, int]] = {}
    columns = (nodes.subgraph, nodes.kind, nodes.name, nodes.operator)
    for row, (subgraph, kind, name, operator) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        if kind in _OWN:
            key = (CALLS.sub("", strings[name]), strings[operator])
            found.setdefault(subgraph, {})[key] = row
    return found


def _graphs(saved: Any) -> Iterator[tuple[str, dict[_Key, str]]]:
    """Names of the graphs, with the numbers of their nodes."""
    for meta in saved.meta_graphs:
        yield _MAIN, _numbered(meta.graph_def.node, 0)
        for function in meta.graph_def.library.function:
            yield function.signature.name, _numbered(function.node_def, 1)


def _numbered(nodes: Any, first: int) -> dict[_Key, str]:
    return {(node.name, node.op): str(at) for at, node in enumerate(nodes, first)}


def _share(rows: dict[_Key, int], numbered: dict[_Key, str]) -> float:
    return len(rows.keys() & numbered.keys()) / max(len(rows), 1)
