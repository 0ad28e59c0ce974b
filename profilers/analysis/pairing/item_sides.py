"""Two graphs as they are compared item by item, and the pairs of their items."""

import re
from dataclasses import dataclass, field

from profilers.analysis.data_path import activation_of
from profilers.analysis.operator_kinds import (
    ACTIVATIONS,
    ALONE,
    is_fused,
    takes_what_feeds_it,
)
from profilers.analysis.pairing.alignment import Named
from profilers.analysis.pairing.items import ItemGraph
from profilers.profile import Graph, StringTable

_BUILT_AGAIN = re.compile(r"_\d+$")


@dataclass(frozen=True)
class Side:
    """One graph with its items, what they are called, and which operators are fused."""

    graph: Graph
    strings: StringTable
    items: ItemGraph
    named: list[Named]

    @classmethod
    def of(
        cls,
        graph: Graph,
        strings: StringTable,
        items: ItemGraph,
        paths: list[str],
        layers: list[str],
    ) -> "Side":
        """`paths` and `layers` are those of `scope_paths` and `layer_names`."""
        named = [
            Named(
                item,
                paths[item.scope],
                layers[item.scope],
                strings[int(graph.nodes.name[item.main])],
            )
            for item in items.items
        ]
        return cls(graph, strings, items, named)

    def operator(self, at: int) -> str:
        """Of an item's main node."""
        return self.strings[int(self.graph.nodes.operator[self.items.items[at].main])]

    def takes_in(self, at: int, kinds: set[str], *, before: bool) -> bool:
        """Whether an item's operator says that it does the work of these kinds, too.

        By its name, or, of an activation, by an attribute. A skip connection goes into the
        normalisation after it, all else into what comes before.
        """
        operator = self.operator(at)
        if takes_what_feeds_it(operator) != before:
            return False
        if is_fused(operator):
            return before or self.items.items[at].kind == "block" or not kinds & ALONE
        return bool(kinds & ACTIVATIONS) and bool(
            activation_of(self.graph, self.items.items[at].main)
        )


@dataclass
class ItemPairs:
    """Pairs of items one to one, then groups that correspond only as a whole.

    `groups` holds places in a, places in b and a confidence.
    """

    twin_of_a: dict[int, int] = field(default_factory=dict)
    twin_of_b: dict[int, int] = field(default_factory=dict)
    confidence: dict[int, float] = field(default_factory=dict)  # by the place in a
    groups: list[tuple[list[int], list[int], float]] = field(default_factory=list)

    def add(self, at: int, other: int) -> None:
        self.twin_of_a[at] = other
        self.twin_of_b[other] = at

    def drop(self, at: int) -> None:
        del self.twin_of_b[self.twin_of_a.pop(at)]


def scope_paths(graph: Graph, strings: StringTable) -> list[str]:
    """Dotted path of each scope, and a last one, empty, for none."""
    paths: list[str] = []
    for name, parent in zip(graph.scopes.name.tolist(), graph.scopes.parent.tolist(), strict=True):
        own = strings[name].replace("/", ".")
        paths.append(f"{paths[parent]}.{own}" if parent >= 0 else own)
    return [*paths, ""]


def layer_names(graph: Graph, strings: StringTable) -> list[str]:
    """Each scope's own name, and a last one, empty, for none.

    Keras numbers all layers of a model that it builds again: conv1_1 is conv1, or conv1_1_2 conv1_1.
    """
    names = [strings[row] for row in graph.scopes.name.tolist()]
    classed = [
        name for name, kind in zip(names, graph.scopes.kind.tolist(), strict=True) if kind >= 0
    ]
    if classed and all(_BUILT_AGAIN.search(name) for name in classed):
        names = [_BUILT_AGAIN.sub("", name) for name in names]
    return [*names, ""]
