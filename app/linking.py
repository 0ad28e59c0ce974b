"""Carries a selection from one column to the others, node by matched node."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject

from app.document import Document
from app.jobs import Job
from profilers.analysis.matching import NodePairs, match_graphs
from profilers.profile import Profile
from profilers.profile.table import Int32


class SelectionLinker(QObject):
    """Follows every document's selection and mirrors it into the other documents.

    Graphs are matched in the background, once per pair of profiles.
    """

    def __init__(self, documents: Callable[[], list[Document]], parent: QObject) -> None:
        super().__init__(parent)
        self._documents = documents
        self._pairs: dict[tuple[int, int], NodePairs] = {}
        self._jobs: dict[tuple[int, int], Job] = {}
        self._is_mirroring = False
        self.is_enabled = True

    @property
    def is_settled(self) -> bool:
        return not self._jobs

    def follow(self, document: Document) -> None:
        """Match a document's (new) profile with the others and mirror its picks from now on."""
        document.selection.changed.connect(lambda: self._mirror(document))
        self._drop_closed()
        for other in self._documents():
            if other is not document:
                self._match(document.profile, other.profile)

    def close(self) -> None:
        for job in self._jobs.values():
            job.abandon()
        self._jobs.clear()

    def _drop_closed(self) -> None:
        """Forget matches of profiles that are gone, whose ids may be used again."""
        open_ids = {id(document.profile) for document in self._documents()}
        self._pairs = {key: pairs for key, pairs in self._pairs.items() if set(key) <= open_ids}

    def _match(self, a: Profile, b: Profile) -> None:
        key = (id(a), id(b))
        if key in self._pairs or key in self._jobs or not (a.graphs and b.graphs):
            return
        job = Job(lambda job: match_graphs(a.authored, a.strings, b.authored, b.strings), self)
        job.done.connect(lambda match: self._keep(key, match.nodes))
        job.failed.connect(lambda error: self._jobs.pop(key, None))
        self._jobs[key] = job.start()

    def _keep(self, key: tuple[int, int], pairs: NodePairs) -> None:
        self._jobs.pop(key, None)
        self._pairs[key] = pairs

    def _mirror(self, document: Document) -> None:
        if self._is_mirroring or not self.is_enabled:
            return
        self._is_mirroring = True
        try:
            for other in self._documents():
                if other is not document:
                    picked = document.selection.picked.nodes
                    other.selection.pick_nodes(self.twins(document, other, picked).tolist())
        finally:
            self._is_mirroring = False

    def twins(self, source: Document, target: Document, nodes: Int32) -> Int32:
        """Nodes of the target's graph matched with the source's; none until graphs are matched."""
        pairs = self._pairs.get((id(source.profile), id(target.profile)))
        if pairs is not None:
            there, here = pairs.a, pairs.b
        else:
            pairs = self._pairs.get((id(target.profile), id(source.profile)))
            if pairs is None:
                return np.empty(0, np.int32)
            there, here = pairs.b, pairs.a
        return here[np.isin(there, nodes)]
