"""Columns follow each other: marks, unfolding and centre, by what was matched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.document import Document
from app.linking import SelectionLinker
from profilers.analysis.pairing.differences import DifferenceKind
from profilers.graphs.builder import GraphBuilder
from profilers.profile import NodeKind, Profile, StringPool
from views.counterpart import Counterpart, Folding, Spot


class Open:
    """Documents that are open, linked as the window links them."""

    def __init__(self, qtbot: QtBot) -> None:
        self.documents: list[Document] = []
        self._owner = QObject()
        self._qtbot = qtbot
        self.linker = SelectionLinker(lambda: self.documents, self._owner)

    def add(self, title: str, profile: Profile) -> Document:
        document = Document(Path(title), profile)
        self.documents.append(document)
        self.follow(document)
        return document

    def follow(self, document: Document) -> None:
        self.linker.follow(document)
        self._qtbot.waitUntil(lambda: self.linker.is_settled, timeout=20_000)


@pytest.fixture
def columns(qtbot: QtBot) -> Iterator[Open]:
    opened = Open(qtbot)
    yield opened
    opened.linker.close()


def blocks(names: tuple[str, str, str], *, root: str = "", dropped: bool = False) -> Profile:
    """Two blocks of a convolution and an activation, under the given block and layer names."""
    block, convolution, activation = names
    pool = StringPool()
    graph = GraphBuilder(pool)
    last = graph.node("x", "input", kind=NodeKind.INPUT)
    for number in range(2):
        width = 16 * (1 + number)
        path = [(root, "")] if root else []
        path.append((f"{block}{number}", ""))
        for layer, operator in ((convolution, "aten.conv2d"), (activation, "aten.relu")):
            if dropped and number and layer == activation:
                continue
            scope = graph.scope([*path, (layer, "")])
            node = graph.node(f"{operator}{number}", operator, scope=scope)
            graph.edge(last, node, f"t{last}", "float32", (1, width, 8, 8))
            last = node
    output = graph.node("y", "output", kind=NodeKind.OUTPUT)
    graph.edge(last, output, "y", "float32", (1, 32, 8, 8))
    return Profile("blocks", graphs=(graph.build(),), strings=pool.table())


OURS, THEIRS = ("block", "conv", "act"), ("stage", "filter", "clamp")


def scope_row(profile: Profile, *path: str) -> int:
    scopes, row = profile.authored.scopes, -1
    for name in path:
        row = next(
            each
            for each in range(len(scopes))
            if profile.strings[int(scopes.name[each])] == name and scopes.parent[each] == row
        )
    return row


def asked(counterpart: Counterpart) -> list[object]:
    """What the canvas of a column is asked to do, from now on."""
    found: list[object] = []
    counterpart.folding_asked.connect(found.append)
    counterpart.centre_asked.connect(found.append)
    return found


def test_unfolding_a_block_unfolds_its_twin_and_what_is_around_it(columns: Open) -> None:
    ours = columns.add("a", blocks(OURS))
    theirs = columns.add("b", blocks(THEIRS, root="net"))
    found, echo = asked(theirs.counterpart), asked(ours.counterpart)
    ours.counterpart.tell_opened(frozenset({scope_row(ours.profile, "block1")}))
    (folding,) = found
    assert isinstance(folding, Folding)
    twin = scope_row(theirs.profile, "net", "stage1")
    assert folding.opened == {scope_row(theirs.profile, "net"), twin}
    assert scope_row(theirs.profile, "net", "stage0") in folding.closed
    assert not folding.opened & folding.closed
    assert echo == []


def test_a_canvas_that_obeys_and_tells_again_is_not_echoed(columns: Open) -> None:
    ours, theirs = columns.add("a", blocks(OURS)), columns.add("b", blocks(THEIRS))
    theirs.counterpart.folding_asked.connect(
        lambda folding: theirs.counterpart.tell_opened(folding.opened)
    )
    echo = asked(ours.counterpart)
    ours.counterpart.tell_opened(frozenset({scope_row(ours.profile, "block0")}))
    assert echo == []


def test_centring_a_node_or_a_scope_centres_its_twin(columns: Open) -> None:
    ours, theirs = columns.add("a", blocks(OURS)), columns.add("b", blocks(THEIRS))
    found = asked(theirs.counterpart)
    ours.counterpart.tell_centred(Spot(node=3))
    ours.counterpart.tell_centred(Spot(scope=scope_row(ours.profile, "block1")))
    assert found == [Spot(node=3), Spot(scope=scope_row(theirs.profile, "stage1"))]


def test_nothing_follows_while_columns_are_apart(columns: Open) -> None:
    ours, theirs = columns.add("a", blocks(OURS)), columns.add("b", blocks(THEIRS))
    found = asked(theirs.counterpart)
    columns.linker.is_enabled = False
    ours.counterpart.tell_centred(Spot(node=3))
    ours.counterpart.tell_opened(frozenset({0}))
    ours.selection.pick_nodes([3])
    assert found == []
    assert not len(theirs.selection.picked.nodes)
    columns.linker.is_enabled = True
    ours.selection.pick_nodes([3])
    assert theirs.selection.picked.nodes.tolist() == [3]


def test_both_columns_are_marked_where_they_differ(columns: Open) -> None:
    ours = columns.add("a", blocks(OURS))
    assert ours.counterpart.shown is None
    theirs = columns.add("b", blocks(THEIRS, dropped=True))
    here, there = ours.counterpart.shown, theirs.counterpart.shown
    assert here is not None
    assert there is not None
    assert (here.title, there.title) == ("b", "a")
    assert here.counts() == {DifferenceKind.ONLY_HERE: 1}
    assert there.counts() == {DifferenceKind.ONLY_THERE: 1}
    assert here.sentences_of(4) == ["Only here: block1.act (aten.relu)"]
    assert here.kind_of_node.tolist() == [-1, -1, -1, -1, DifferenceKind.ONLY_HERE, -1]
    assert set(there.kind_of_node.tolist()) == {-1}
    assert list(there.names) == ["block1.act"]


def test_picking_a_difference_picks_it_in_both_columns(columns: Open) -> None:
    ours = columns.add("a", blocks(OURS))
    theirs = columns.add("b", blocks(THEIRS, dropped=True))
    there = theirs.counterpart.shown
    assert there is not None
    theirs.selection.pick_nodes([1])
    there.pick(0)
    assert ours.selection.picked.nodes.tolist() == [4]
    assert theirs.selection.picked.nodes.tolist() == []


def test_a_column_that_is_closed_marks_nothing_any_more(columns: Open, qtbot: QtBot) -> None:
    ours = columns.add("a", blocks(OURS))
    theirs = columns.add("b", blocks(THEIRS, dropped=True))
    columns.documents.remove(theirs)
    with qtbot.waitSignal(ours.counterpart.changed):
        theirs.deleteLater()
    assert ours.counterpart.shown is None


def test_a_new_profile_is_compared_anew(columns: Open) -> None:
    ours, theirs = columns.add("a", blocks(OURS)), columns.add("b", blocks(THEIRS, dropped=True))
    theirs.show_profile(blocks(THEIRS))
    columns.follow(theirs)
    here = ours.counterpart.shown
    assert here is not None
    assert here.counts() == {}
    third = columns.add("c", blocks(THEIRS, dropped=True))
    assert [each.title for each in ours.counterpart.comparisons] == ["b", "c"]
    ours.counterpart.show_comparison(1)
    assert ours.counterpart.shown is ours.counterpart.comparisons[1]
    assert third.counterpart.shown is not None
