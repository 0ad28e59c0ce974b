"""Where two runs of one model part: the outputs of matched layers, in order, by their digests."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt

from profilers.activations import Digest, read
from profilers.analysis.data_path import data_path
from profilers.analysis.pairing.differences import node_title
from profilers.analysis.pairing.item_sides import layer_names, scope_paths
from profilers.analysis.pairing.matching import Match
from profilers.profile import Graph, Profile, StringTable

MEMBER = "activations"  # of a snapshot, as captures keep it
TOLERANCE = 1e-3  # relative difference that is still the same
_LEAST_SURE = 0.3  # confidence of a pair of nodes
_BUILT_AGAIN = re.compile(r"_\d+(?=\.|$)")
_FIGURES = ("minimum", "maximum", "mean", "standard_deviation")


@dataclass(frozen=True)
class ParityRow:
    """A layer of either side whose outputs were compared; `nodes` are rows of the authored graphs.

    `difference` is relative: 0 for the same numbers, about 1.4 for numbers that have nothing to do
    with each other.
    """

    titles: tuple[str, str]
    nodes: tuple[int, int]
    difference: float


@dataclass(frozen=True)
class Parity:
    """Layers in the order of side a.

    Attributes
    ----------
    rows : tuple of ParityRow
    input_difference : float
        Of what the models were given, the largest; the rest tells nothing if it is not small.
    first : int
        The first row beyond the tolerance; -1 for none.
    """

    rows: tuple[ParityRow, ...]
    input_difference: float
    tolerance: float

    @property
    def same_inputs(self) -> bool:
        return self.input_difference <= self.tolerance

    @property
    def first(self) -> int:
        return next((at for at, row in enumerate(self.rows) if row.difference > self.tolerance), -1)

    @property
    def largest(self) -> float:
        return max((row.difference for row in self.rows), default=0.0)


def parity(a: Profile, b: Profile, match: Match, tolerance: float = TOLERANCE) -> Parity | None:
    """Compare what both runs keep of their layers' outputs; None where one keeps nothing."""
    ours, theirs = (read(each.extra.get(MEMBER, b"")) for each in (a, b))
    if not ours or not theirs:
        return None
    of_a, of_b = _by_node(a, ours), _by_node(b, theirs)
    found: dict[int, tuple[float, int]] = {}  # by node of a: confidence and twin
    pairs = match.nodes
    for node, twin, sure in zip(
        pairs.a.tolist(), pairs.b.tolist(), pairs.confidence.tolist(), strict=True
    ):
        is_told = node in of_a and twin in of_b and _size(of_a[node]) == _size(of_b[twin])
        if is_told and sure >= _LEAST_SURE and sure > found.get(node, (0.0, -1))[0]:
            found[node] = sure, twin
    rank = {node: at for at, node in enumerate(data_path(a.authored, a.strings).order)}
    rows = tuple(
        ParityRow(
            (
                node_title(a.authored, a.strings, node),
                node_title(b.authored, b.strings, found[node][1]),
            ),
            (node, found[node][1]),
            difference(of_a[node], of_b[found[node][1]]),
        )
        for node in sorted(found, key=lambda node: rank.get(node, len(rank)))
    )
    return Parity(rows, _input_difference(ours, theirs), tolerance)


def sentence(found: Parity) -> str:
    """What the comparison of the outputs says."""
    if not found.same_inputs:
        return (
            "The two runs were given other inputs, so their layers' outputs cannot be compared: give "
            "both the same file of inputs."
        )
    if not found.rows:
        return "No output of matched layers was kept by both runs."
    if found.first < 0:
        return (
            f"All {len(found.rows):,} outputs of matched layers agree; the largest relative difference "
            f"is {found.largest:.1e}."
        )
    row = found.rows[found.first]
    names = (
        row.titles[0] if row.titles[0] == row.titles[1] else f"{row.titles[0]} ({row.titles[1]})"
    )
    return (
        f"The outputs part at {names}, by {row.difference:.1e}; the {found.first:,} matched layers "
        f"before it agree within {found.tolerance:.0e}."
    )


def difference(a: Digest, b: Digest) -> float:
    """Relative difference of two outputs of equal size.

    By their projections, or, where those differ though the figures that do not depend on the order
    of values agree, by these: frameworks order the same values in other ways.
    """
    ours, theirs = a["projection"], b["projection"]
    apart = sqrt(sum((x - y) ** 2 for x, y in zip(ours, theirs, strict=True)))
    scale = sqrt((sum(x * x for x in ours) + sum(y * y for y in theirs)) / 2)
    by_order = apart / scale if scale else 0.0
    spread = max(
        abs(float(each.get(name, 0.0))) for each in (a, b) for name in ("minimum", "maximum")
    )
    gaps = [abs(float(a.get(name, 0.0)) - float(b.get(name, 0.0))) for name in _FIGURES]
    by_figures = max(gaps) / spread if spread else 0.0
    if a.get("not_finite", 0) != b.get("not_finite", 0):
        return max(by_order, 1.0)
    return min(by_order, by_figures)


def _size(digest: Digest) -> int:
    return prod(digest["shape"])


def _input_difference(ours: list[Digest], theirs: list[Digest]) -> float:
    """In the order of inputs, whatever they are called."""
    inputs = [[each for each in side if "input" in each] for side in (ours, theirs)]
    return max(
        (difference(x, y) if _size(x) == _size(y) else 1.0 for x, y in zip(*inputs, strict=False)),
        default=0.0,
    )


def _by_node(profile: Profile, digests: list[Digest]) -> dict[int, Digest]:
    """The digest of what each node makes: a tensor's maker, or the last node of a scope."""
    graph, strings = profile.authored, profile.strings
    makers = _makers(graph, strings)
    last = _last_of_scope(graph, strings)
    found: dict[int, Digest] = {}
    for digest in digests:
        node = makers.get(str(digest.get("tensor"))) if "tensor" in digest else None
        if "scope" in digest:
            node = _found_by_end(str(digest["scope"]).replace("/", "."), last)
        if node is not None:
            found.setdefault(node, digest)
    return found


def _found_by_end(path: str, last: Mapping[str, int]) -> int | None:
    """By the longest end of the path that is known, as it is or without Keras' numbers."""
    for name in (path, _BUILT_AGAIN.sub("", path)):
        parts = name.split(".")
        for first in range(len(parts)):
            node = last.get(".".join(parts[first:]))
            if node is not None:
                return node
    return None


def _makers(graph: Graph, strings: StringTable) -> dict[str, int]:
    return {
        strings[tensor]: node
        for tensor, node in zip(
            graph.edges.tensor.tolist(), graph.edges.source.tolist(), strict=True
        )
        if tensor >= 0
    }


def _last_of_scope(graph: Graph, strings: StringTable) -> Mapping[str, int]:
    """By a scope's path, and by every end of it that is its alone, the node that data leaves by."""
    path = data_path(graph, strings)
    found: dict[int, int] = {}
    parents = graph.scopes.parent.tolist()
    for node in path.order:
        scope = int(graph.nodes.scope[node]) if path.is_data[node] else -1
        while scope >= 0:
            found[scope] = node
            scope = parents[scope]
    plain = _plain_paths(graph, strings)
    by_end: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for scope, node in found.items():
        parts = plain[scope].split(".")
        for first in range(len(parts)):
            end = ".".join(parts[first:])
            seen[end] += 1
            by_end[end] = node
    exact = {
        path: found[scope]
        for scope, path in enumerate(scope_paths(graph, strings))
        if scope in found
    }
    told = {end: node for end, node in by_end.items() if seen[end] == 1 and not _is_number(end)}
    return told | exact


def _is_number(end: str) -> bool:
    """Such as the place in a list of layers, which says nothing of which list."""
    return end.replace(".", "").isdigit()


def _plain_paths(graph: Graph, strings: StringTable) -> list[str]:
    """Dotted path of each scope, without the numbers that Keras gives layers built again."""
    names = layer_names(graph, strings)
    paths: list[str] = []
    for scope, parent in enumerate(graph.scopes.parent.tolist()):
        paths.append(f"{paths[parent]}.{names[scope]}" if parent >= 0 else names[scope])
    return paths
