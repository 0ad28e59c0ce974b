"""Print how long finding nodes takes: ``python -m tests.benchmarks.bench_node_search``.

One graph of about 100,000 nodes; the goal is 50 ms for each letter typed. Each query is timed as
the median of several runs, with its parsing.
"""

import statistics
import time
from collections.abc import Callable, Sized

from profilers.analysis.graph_walk import Direction, GraphWalk, Path
from profilers.analysis.nodes.query import parse
from profilers.analysis.nodes.search import NodeSearch
from profilers.profile import Profile
from tests.views.graph_samples import chain_profile, encoder_profile

_GOAL_MS = 50.0
_RUNS = 7
_QUERIES = (
    "e",
    "en",
    "linear",
    "encoder/layers/12",
    "encoder layers attn matmul",
    '"layers/4000"',
    "op:linear",
    "op:conv",
    "scope:attn/q",
    "module:attn",
    "kind:input or kind:output",
    "dtype:float",
    "shape:128",
    "shape:1x?x256",
    "has:parameter",
    "fused:no",
    "flops>=1k",
    "time>5%",
    "-op:linear flops>100 scope:ff or name:norm2",
)


def milliseconds(act: Callable[[], object]) -> float:
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def show(what: str, took_ms: float, more: str = "") -> None:
    missed = "" if took_ms <= _GOAL_MS else "  over the goal"
    print(f"  {what:<48}{took_ms:8.2f} ms  {more}{missed}")


def show_searches() -> None:
    profile = encoder_profile(6250)
    print(f"{profile.name}, {len(profile.authored.nodes):,} nodes; goal {_GOAL_MS:.0f} ms")
    begin = time.perf_counter()
    search = NodeSearch(profile)
    print(f"  {'building the index':<48}{1000 * (time.perf_counter() - begin):8.2f} ms")
    for text in _QUERIES:
        took_ms = milliseconds(lambda text=text: search.rows(parse(text)))
        show(text, took_ms, f"{len(search.rows(parse(text))):,} found")
    show("completing op:", milliseconds(lambda: search.completions("op:", 3)))


def show_walks(profile: Profile) -> None:
    count = len(profile.authored.nodes)
    print(f"{profile.name}, {count:,} nodes; goal {_GOAL_MS:.0f} ms")
    begin = time.perf_counter()
    walk = GraphWalk(profile.authored)
    print(f"  {'building the index':<48}{1000 * (time.perf_counter() - begin):8.2f} ms")
    first, middle, last = 0, count // 2, count - 2
    walks: dict[str, Callable[[], Sized]] = {
        "path from the first node to the last": lambda: _nodes(walk.path(first, last)),
        "path against the flow": lambda: _nodes(walk.path(last, first)),
        "all between them": lambda: walk.between(first, last),
        "neighbours to depth 1": lambda: walk.near([middle], 1, Direction.BOTH),
        "neighbours to depth 3": lambda: walk.near([middle], 3, Direction.BOTH),
        "all upstream and downstream": lambda: walk.near([middle], count, Direction.BOTH),
    }
    for what, act in walks.items():
        show(what, milliseconds(act), f"{len(act()):,} nodes")


def _nodes(path: Path | None) -> Sized:
    return path.nodes if path else ()


if __name__ == "__main__":
    show_searches()
    show_walks(encoder_profile(6250))
    show_walks(chain_profile(75_000))
