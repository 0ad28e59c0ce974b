"""Nodes that no path of data leads to are paired by name where the graphs bear the same names."""

import numpy as np

from profilers.analysis.pairing.namesakes import namesakes
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, StringPool, StringTable
from profilers.profile.table import Int32


def graph(*names: str) -> tuple[Graph, StringTable]:
    pool = StringPool()
    builder = GraphBuilder(pool)
    for name in names:
        builder.node(name, "op")
    return builder.build(), pool.table()


def rows(*of: int) -> Int32:
    return np.array(of, np.int32)


def found(a: tuple[Graph, StringTable], b: tuple[Graph, StringTable]) -> list[tuple[int, int]]:
    """Of graphs whose first two nodes were paired."""
    one, other = namesakes(*a, *b, rows(0, 1), rows(0, 1))
    return list(zip(one.tolist(), other.tolist(), strict=True))


def test_what_is_left_is_paired_by_name() -> None:
    assert found(graph("x", "y", "read", "axis"), graph("x", "y", "axis", "other")) == [(3, 2)]


def test_a_name_that_several_bear_pairs_none() -> None:
    assert found(graph("x", "y", "read", "read"), graph("x", "y", "read")) == []


def test_names_of_other_graphs_mean_nothing() -> None:
    assert found(graph("x", "y", "read"), graph("add", "add_1", "read")) == []
