"""Lets columns follow each other: what is picked, unfolded and centred, node by matched node."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject

from app.document import Document
from app.jobs import Job
from profilers.analysis.pairing.differences import (
    DifferenceKind,
    Differences,
    find_differences,
    node_title,
    sentence,
    turned,
)
from profilers.analysis.pairing.matching import Match, match_graphs
from profilers.analysis.pairing.namesakes import namesakes
from profilers.profile import Graph, Profile
from profilers.profile.table import Int32
from views.counterpart import Comparison, Folding, Spot


@dataclass(frozen=True)
class Link:
    """What the graphs of two profiles have in common, and what not, as seen from the first.

    Each row of `differences` has a name and a sentence; `namesakes` are rows of either graph whose
    nodes are picked together though they are not matched.
    """

    match: Match
    namesakes: tuple[Int32, Int32]
    differences: Differences
    names: list[str]
    sentences: list[str]


class SelectionLinker(QObject):
    """Follows every document's selection and canvas, and mirrors them into the other documents.

    Graphs are matched in the background, once per pair of profiles.
    """

    def __init__(self, documents: Callable[[], list[Document]], parent: QObject) -> None:
        super().__init__(parent)
        self._documents = documents
        self._links: dict[tuple[int, int], Link] = {}
        self._jobs: dict[tuple[int, int], Job] = {}
        self._is_mirroring = False
        self._is_closed = False
        self.is_enabled = True

    @property
    def is_settled(self) -> bool:
        return not self._jobs

    def follow(self, document: Document) -> None:
        """Match a document's (new) profile with the others and mirror it from now on."""
        counterpart = document.counterpart
        document.selection.changed.connect(lambda: self._mirror_picked(document))
        counterpart.opened_told.connect(lambda scopes: self._mirror_opened(document, scopes))
        counterpart.centred_told.connect(lambda spot: self._mirror_centre(document, spot))
        document.destroyed.connect(self._compare_all)
        self._drop_closed()
        for other in self._documents():
            if other is not document:
                self._match(document.profile, other.profile)
        self._compare_all()

    def close(self) -> None:
        self._is_closed = True
        for job in self._jobs.values():
            job.drop()
        self._jobs.clear()

    def twins(self, source: Document, target: Document, nodes: Int32) -> Int32:
        """Nodes of the target's graph matched with the source's; none until graphs are matched."""
        link = self._links.get((id(source.profile), id(target.profile)))
        if link is None:
            return np.empty(0, np.int32)
        return link.match.nodes.b[np.isin(link.match.nodes.a, nodes)]

    def apart(self) -> AbstractContextManager[None]:
        """A context in which what is picked in one column is not picked in the others."""
        return self._mirroring()

    def _drop_closed(self) -> None:
        """Forget matches of profiles that are gone, whose ids may be used again."""
        open_ids = {id(document.profile) for document in self._documents()}
        self._links = {key: link for key, link in self._links.items() if set(key) <= open_ids}

    def _match(self, a: Profile, b: Profile) -> None:
        key = (id(a), id(b))
        if key in self._links or key in self._jobs or not (a.graphs and b.graphs):
            return
        job = Job(lambda job: _linked(a, b), self)
        job.done.connect(lambda links: self._keep(key, links))
        job.failed.connect(lambda error: self._jobs.pop(key, None))
        self._jobs[key] = job.start()

    def _keep(self, key: tuple[int, int], links: tuple[Link, Link]) -> None:
        self._jobs.pop(key, None)
        self._links[key], self._links[key[::-1]] = links
        self._compare_all()

    def _compare_all(self) -> None:
        """Tell every column how it differs from the others that are open and matched."""
        if self._is_closed:
            return
        for document in self._documents():
            found = (self._comparison(document, other) for other in self._others(document))
            document.counterpart.set_comparisons([each for each in found if each is not None])

    def _comparison(self, document: Document, other: Document) -> Comparison | None:
        link = self._links.get((id(document.profile), id(other.profile)))
        if link is None:
            return None
        rows = link.differences

        def pick(row: int) -> None:
            with self._mirroring():
                for side, node in ((document, int(rows.a[row])), (other, int(rows.b[row]))):
                    side.selection.pick_nodes([node] if node >= 0 else [])

        node_count = len(document.profile.authored.nodes)
        return Comparison(
            other.title,
            rows,
            link.names,
            link.sentences,
            pick,
            node_count,
            other.profile,
            link.match.nodes,
        )

    def _others(self, document: Document) -> list[Document]:
        return [other for other in self._documents() if other is not document]

    @contextmanager
    def _mirroring(self) -> Iterator[None]:
        """What other documents do meanwhile is not mirrored back."""
        self._is_mirroring = True
        try:
            yield
        finally:
            self._is_mirroring = False

    def _followers(self, document: Document) -> list[tuple[Document, Link]]:
        """Documents that are to do as this one does."""
        if self._is_mirroring or not self.is_enabled:
            return []
        key = id(document.profile)
        links = [
            (other, self._links.get((key, id(other.profile)))) for other in self._others(document)
        ]
        return [(other, link) for other, link in links if link is not None]

    def _mirror_picked(self, document: Document) -> None:
        picked = document.selection.picked.nodes
        for other, link in self._followers(document):
            with self._mirroring():
                pairs, (here, there) = link.match.nodes, link.namesakes
                twins = (pairs.b[np.isin(pairs.a, picked)], there[np.isin(here, picked)])
                other.selection.pick_nodes(np.concatenate(twins).tolist())

    def _mirror_opened(self, document: Document, opened: frozenset[int]) -> None:
        for other, link in self._followers(document):
            layers = link.match.layers
            is_open = np.isin(layers.a, list(opened))
            closed = frozenset(layers.b[~is_open].tolist())
            around = _with_those_around(other.profile.authored, layers.b[is_open].tolist())
            with self._mirroring():
                other.counterpart.folding_asked.emit(Folding(around - closed, closed))

    def _mirror_centre(self, document: Document, spot: Spot) -> None:
        for other, link in self._followers(document):
            there = _twin_spot(link.match, spot)
            if there is not None:
                with self._mirroring():
                    other.counterpart.centre_asked.emit(there)


def _linked(a: Profile, b: Profile) -> tuple[Link, Link]:
    """As seen from either."""
    match = match_graphs(a.authored, a.strings, b.authored, b.strings)
    differences = find_differences(a.authored, a.strings, b.authored, b.strings, match)
    of_a, of_b = namesakes(
        a.authored, a.strings, b.authored, b.strings, match.nodes.a, match.nodes.b
    )
    there = _told(match.turned(), (of_b, of_a), turned(differences), b, a)
    return _told(match, (of_a, of_b), differences, a, b), there


def _told(
    match: Match,
    namesakes: tuple[Int32, Int32],
    differences: Differences,
    a: Profile,
    b: Profile,
) -> Link:
    names, sentences = [], []
    for kind, node, twin in zip(
        *(each.tolist() for each in differences.columns().values()), strict=True
    ):
        side, row = (a, node) if node >= 0 else (b, twin)
        names.append(node_title(side.authored, side.strings, row))
        graphs = (a.authored, a.strings, b.authored, b.strings)
        sentences.append(sentence(DifferenceKind(kind), node, twin, *graphs))
    return Link(match, namesakes, differences, names, sentences)


def _with_those_around(graph: Graph, scopes: list[int]) -> frozenset[int]:
    """A scope can only be open within open ones."""
    found: set[int] = set()
    for scope in scopes:
        while scope >= 0 and scope not in found:
            found.add(scope)
            scope = int(graph.scopes.parent[scope])
    return frozenset(found)


def _twin_spot(match: Match, spot: Spot) -> Spot | None:
    """The likeliest twin."""
    table, row = (match.nodes, spot.node) if spot.node >= 0 else (match.layers, spot.scope)
    found = np.flatnonzero(table.a == row)
    if not len(found):
        return None
    twin = int(table.b[found[np.argmax(table.confidence[found])]])
    return Spot(node=twin) if spot.node >= 0 else Spot(scope=twin)
