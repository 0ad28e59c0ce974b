"""Nodes beside the path of the data, such as reads of variables, paired by their names alone."""

from collections import Counter

import numpy as np

from profilers.analysis.nodes.search import scope_paths
from profilers.profile import Graph, StringTable
from profilers.profile.table import Int32

_LIKE = 0.9  # of the pairs: less, and names are numbers that the framework gave out
_Name = tuple[str, str, str]


def namesakes(
    a: Graph,
    a_strings: StringTable,
    b: Graph,
    b_strings: StringTable,
    a_paired: Int32,
    b_paired: Int32,
) -> tuple[Int32, Int32]:
    """Rows of nodes that were paired on neither side and whose scope, name and operator are alike.

    Only where those that were paired bear the same names nearly all. Names that several of a side's
    nodes bear pair none of them.
    """
    of_a, of_b = _names(a, a_strings), _names(b, b_strings)
    pairs = list(zip(a_paired.tolist(), b_paired.tolist(), strict=True))
    if sum(of_a[one] == of_b[other] for one, other in pairs) < max(_LIKE * len(pairs), 1):
        return np.empty(0, np.int32), np.empty(0, np.int32)
    left_a, left_b = _left(of_a, a_paired), _left(of_b, b_paired)
    both = [(row, left_b[name]) for name, row in left_a.items() if name in left_b]
    rows = np.array(both, np.int32).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _names(graph: Graph, strings: StringTable) -> list[_Name]:
    paths, nodes = [*scope_paths(graph, strings), ""], graph.nodes
    columns = (nodes.scope.tolist(), nodes.name.tolist(), nodes.operator.tolist())
    return [
        (paths[scope], strings[name], strings[operator])
        for scope, name, operator in zip(*columns, strict=True)
    ]


def _left(names: list[_Name], paired: Int32) -> dict[_Name, int]:
    """The unpaired node of each name that only one node bears."""
    bearers, taken = Counter(names), set(paired.tolist())
    return {name: row for row, name in enumerate(names) if bearers[name] == 1 and row not in taken}
