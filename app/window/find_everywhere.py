"""Finds nodes, kernels, weights and slices of all columns, and picks what is chosen."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.commands import Command
from app.document import Document
from app.jobs import Job
from app.window.palette import CommandPalette
from profilers.analysis.named_things import NamedThing, NamedThings, named_things
from profilers.visible_text import visible
from views.parameters import readers_of

_MOST_SHOWN = 200  # of each column
_VIEW_OF = {"node": "graph", "kernel": "fusion", "weight": "graph", "slice": "timeline"}


class FindEverywhere(CommandPalette):
    """`show` brings the view of that id into sight, and gives it the keys, once something is picked."""

    def __init__(
        self,
        documents: Sequence[Document],
        show: Callable[[Document, str], object],
        parent: QWidget,
    ) -> None:
        self._documents = list(documents)
        self._found: list[tuple[Document, NamedThings]] = []
        self._show = show
        super().__init__(
            (), parent, QCoreApplication.translate("FindEverywhere", "Find in all views")
        )
        self._search.setPlaceholderText(self.tr("Node, kernel, weight or slice"))
        self._jobs = [Job(partial(_indexed, document), self) for document in documents]
        for job in self._jobs:
            job.done.connect(self._take)
            job.start()
        self.finished.connect(self._leave)

    def matching(self, words: Sequence[str]) -> Iterable[Command]:
        if not words:
            return
        for document, named in self._found:
            for thing in named.holding(words, _MOST_SHOWN):
                text = f"{self._kind(thing)}   {visible(thing.name)}"
                if len(self._jobs) > 1:
                    text += f"   —   {document.title}"
                yield Command("", "", text, (), partial(self._pick, document, thing))

    def _take(self, found: tuple[Document, NamedThings]) -> None:
        self._found.append(found)
        self._found.sort(key=lambda each: self._documents.index(each[0]))  # not as they were ready
        self._filter(self._search.text())

    def _kind(self, thing: NamedThing) -> str:
        return {
            "node": self.tr("Node"),
            "kernel": self.tr("Kernel"),
            "weight": self.tr("Weight"),
            "slice": self.tr("Slice"),
        }[thing.kind]

    def _pick(self, document: Document, thing: NamedThing) -> None:
        selection, profile = document.selection, document.profile
        self._show(document, _VIEW_OF[thing.kind])
        if thing.kind == "node":
            selection.pick_nodes([thing.row])
        elif thing.kind == "kernel":
            selection.pick_group(thing.row)
        elif thing.kind == "weight":
            selection.pick_nodes(readers_of(profile, [thing.row]).tolist())
        else:
            names = profile.trace.slices.name
            selection.pick_slices(np.flatnonzero(names == names[thing.row]).tolist())

    def _leave(self) -> None:
        for job in self._jobs:
            job.drop()


def _indexed(document: Document, job: Job) -> tuple[Document, NamedThings]:
    return document, named_things(document.profile)
