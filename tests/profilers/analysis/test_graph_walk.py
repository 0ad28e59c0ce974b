"""Ways through graphs, checked against plain searches that do not share their code."""

from collections import deque
from itertools import pairwise

import numpy as np
import pytest

from profilers.analysis.graph_walk import Direction, GraphWalk
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Edges, Graph, Nodes, Profile, StringPool
from tests.views.graph_samples import chain_profile, control_profile, encoder_profile


def random_graph(seed: int, count: int, edges: int, widest: int) -> Graph:
    """Edges lead onwards by at most `widest` rows, a few backwards."""
    random = np.random.default_rng(seed)
    source = random.integers(0, count - 1, edges)
    target = np.minimum(source + random.integers(1, widest + 1, edges), count - 1)
    is_back = random.random(edges) < 0.02
    source, target = np.where(is_back, target, source), np.where(is_back, source, target)
    blank = np.zeros(edges, np.int32)
    nodes = np.full((8, count), -1)
    return Graph(
        **{
            **vars(Graph.empty()),
            "nodes": Nodes(*nodes),
            "edges": Edges(source, target, blank, blank, blank, blank),
        }
    )


def distances(pairs: list[tuple[int, int]], count: int, begin: int) -> list[int]:
    """Edges from `begin` to each node, -1 where there is no way."""
    near: list[list[int]] = [[] for _ in range(count)]
    for source, target in pairs:
        near[source].append(target)
    far = [-1] * count
    far[begin] = 0
    waiting = deque([begin])
    while waiting:
        node = waiting.popleft()
        for each in near[node]:
            if far[each] < 0:
                far[each] = far[node] + 1
                waiting.append(each)
    return far


@pytest.mark.parametrize(("count", "edges", "widest"), [(40, 60, 5), (3000, 9000, 1500)])
@pytest.mark.parametrize("seed", range(4))
def test_walks_agree_with_a_plain_search(count: int, edges: int, widest: int, seed: int) -> None:
    graph = random_graph(seed, count, edges, widest)
    pairs = list(zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    turned = [(target, source) for source, target in pairs]
    walk = GraphWalk(graph)
    for begin, end in ((0, count - 1), (count // 3, count // 2), (count - 2, 3), (5, 5)):
        down, up = distances(pairs, count, begin), distances(turned, count, end)
        either = distances(pairs + turned, count, begin)
        path = walk.path(begin, end)
        if either[end] < 0:
            assert path is None
        else:
            assert path is not None
            assert path.is_directed == (down[end] >= 0)
            ways = set(pairs) if path.is_directed else set(pairs + turned)
            nodes = path.nodes.tolist()
            assert all(step in ways for step in pairwise(nodes))
            assert (nodes[0], nodes[-1]) == (begin, end)
            assert len(nodes) - 1 == (down[end] if path.is_directed else either[end])
        is_between = [down[end] >= 0 and down[n] >= 0 and up[n] >= 0 for n in range(count)]
        assert walk.between(begin, end).tolist() == np.flatnonzero(is_between).tolist()
        for depth in (0, 1, 3, count):
            near = [n for n in range(count) if 0 <= down[n] <= depth]
            assert walk.near([begin], depth, Direction.DOWNSTREAM).tolist() == near
            feeding = [n for n in range(count) if 0 <= up[n] <= depth]
            assert walk.near([end], depth, Direction.UPSTREAM).tolist() == feeding


def named(profile: Profile, nodes: np.ndarray) -> set[str]:
    return {profile.strings[int(profile.authored.nodes.name[node])] for node in nodes}


def row_of(profile: Profile, name: str) -> int:
    rows = profile.authored.nodes.name.tolist()
    return rows.index(profile.strings.find(name))


def test_neighbours_up_and_down_leave_out_other_readers_of_the_same_tensor() -> None:
    profile = encoder_profile(1)
    walk = GraphWalk(profile.authored)
    scores = row_of(profile, "encoder/layers/0/attn/matmul")
    near = named(profile, walk.near([scores], 2, Direction.BOTH))
    assert near == {
        "embed/embedding",
        "encoder/layers/0/attn/q/linear",
        "encoder/layers/0/attn/k/linear",
        "encoder/layers/0/attn/transpose",
        "encoder/layers/0/attn/matmul",
        "encoder/layers/0/attn/add",
        "encoder/layers/0/attn/softmax",
    }


def test_a_path_enters_a_body_and_comes_out_of_it() -> None:
    profile = control_profile()
    walk = GraphWalk(profile.authored)
    test, output = row_of(profile, "test"), row_of(profile, "y")
    inside = row_of(profile, "then_relu")
    into = walk.path(test, inside)
    out = walk.path(inside, output)
    assert into is not None
    assert out is not None
    names = profile.authored.nodes.name
    assert [profile.strings[row] for row in names[into.nodes]] == [
        "test", "branch", "then_mul", "then_relu"
    ]  # fmt: skip
    assert [profile.strings[row] for row in names[out.nodes]] == ["then_relu", "branch", "y"]
    assert into.is_directed
    assert out.is_directed
    between = named(profile, walk.between(row_of(profile, "x"), output))
    assert between == named(profile, np.arange(len(names)))


def test_a_path_against_the_flow_says_so_and_islands_have_none() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    a, b, c, island = (graph.node(name, "Op") for name in ("a", "b", "c", "island"))
    graph.edge(a, b, "t")
    graph.edge(a, c, "t")
    walk = GraphWalk(graph.build())
    path = walk.path(b, c)
    assert path is not None
    assert path.nodes.tolist() == [b, a, c]
    assert not path.is_directed
    assert walk.between(b, c).tolist() == []
    assert walk.path(a, island) is None
    same = walk.path(a, a)
    assert same is not None
    assert same.nodes.tolist() == [a]


def test_a_chain_longer_than_any_recursion_is_walked() -> None:
    profile = chain_profile(20_000)
    walk = GraphWalk(profile.authored)
    first, last = row_of(profile, "x"), row_of(profile, "n19999")
    assert row_of(profile, "n19999") in walk.near([first], 20_000, Direction.DOWNSTREAM)
    path = walk.path(first, last)
    assert path is not None
    assert 20_000 / 9 < len(path.nodes) <= 20_001
