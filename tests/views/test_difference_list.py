"""The list of differences: counts, filters and picks."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from profilers.analysis.pairing.differences import (
    DifferenceKind,
    find_differences,
    node_title,
    sentence,
)
from profilers.analysis.pairing.matching import match_graphs
from profilers.profile import Profile
from tests.profilers.analysis.test_differences import PLAIN, chain, changed
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.counterpart import Comparison, Counterpart
from views.graph.differences import DifferenceList
from views.selection import Selection
from views.theme import LIGHT

OTHER = chain(*changed(changed(PLAIN[:2] + PLAIN[3:], "conv1", attributes={"stride": [2, 2]}),
                       "bn1", attributes={"eps": 1e-3}))  # fmt: skip


def comparison(a: Profile, b: Profile, picked: list[int], title: str = "other") -> Comparison:
    graphs = (a.authored, a.strings, b.authored, b.strings)
    match = match_graphs(*graphs)
    found = find_differences(*graphs, match)
    rows = list(zip(found.kind.tolist(), found.a.tolist(), found.b.tolist(), strict=True))
    return Comparison(
        title,
        found,
        [node_title(a.authored, a.strings, node) for _, node, _ in rows],
        [sentence(DifferenceKind(kind), node, twin, *graphs) for kind, node, twin in rows],
        picked.append,
        len(a.authored.nodes),
        b,
        match.nodes,
    )


def shown(qtbot: QtBot, profile: Profile) -> tuple[DifferenceList, Counterpart]:
    context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
    view = DifferenceList(context)
    qtbot.addWidget(view)
    view.resize(700, 300)
    view.show()
    qtbot.waitExposed(view)
    return view, context.counterpart


def texts(view: DifferenceList) -> list[str]:
    model = view.table.columns
    return [model.index(row, 2).data() for row in range(model.rowCount())]


def test_it_says_why_it_is_empty(qtbot: QtBot) -> None:
    profile = chain(*PLAIN)
    view, counterpart = shown(qtbot, profile)
    assert "second model" in view.note.text()
    assert not view.table.isVisible()
    counterpart.set_comparisons([comparison(profile, chain(*PLAIN), [])])
    assert "does the same" in view.note.text()


def test_differences_are_counted_filtered_and_picked(qtbot: QtBot) -> None:
    profile, picked = chain(*PLAIN), []
    view, counterpart = shown(qtbot, profile)
    counterpart.set_comparisons([comparison(profile, OTHER, picked)])
    QAbstractItemModelTester(view.table.columns)
    assert view.table.isVisible()
    assert not view.note.isVisible()
    assert {kind: chip.text() for kind, chip in view.kinds.items()} == {
        DifferenceKind.ONLY_HERE: "Only here 1",
        DifferenceKind.ATTRIBUTE: "Attribute 2",
    }
    assert sorted(texts(view)) == [
        "Only here: act (aten.relu)",
        "bn1: epsilon 1e-05 became 0.001",
        "conv1: stride 1 became 2",
    ]
    view.kinds[DifferenceKind.ONLY_HERE].click()
    assert len(texts(view)) == 2
    view.filter.setText("STRIDE conv1")
    assert texts(view) == ["conv1: stride 1 became 2"]
    place = view.table.visualRect(view.table.columns.index(0, 1)).center()
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [counterpart.comparisons[0].sentences[row] for row in picked] == [
        "conv1: stride 1 became 2"
    ]


def test_another_column_can_be_chosen(qtbot: QtBot) -> None:
    profile = chain(*PLAIN)
    view, counterpart = shown(qtbot, profile)
    first, second = comparison(profile, OTHER, []), comparison(profile, chain(*PLAIN[:3]), [])
    assert not view.other.isVisible()
    counterpart.set_comparisons([first, replace(second, title="third")])
    assert view.other.isVisible()
    counterpart.show_comparison(1)
    assert view.other.currentText() == "third"
    assert all(text.startswith("Only here") for text in texts(view))
    counterpart.set_comparisons([first])
    assert len(texts(view)) == 3


def test_marks_name_the_weightiest_difference_of_a_node() -> None:
    profile: Any = chain(*PLAIN)
    both = changed(PLAIN, "conv1", attributes={"stride": [2, 2]}, size=(16, 16, 16))
    found = comparison(profile, chain(*both), [])
    node = int(found.differences.a[0])
    assert len(found.sentences_of(node)) == 2
    assert found.kind_of_node[node] == DifferenceKind.SHAPE
    assert found.kind_of_node[0] == -1
