"""Two columns beside each other: their times together and apart, and what one tells of the other."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton, QTreeWidget
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from app.window.palette import KeySheet
from profilers import snapshot
from tests.app.conftest import opened, settle
from tests.sample import MS, sample_profile
from tests.views.test_timeline import row_named
from views.timeline import TimelineView
from views.timeline.keys import KEYS

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def timelines(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> list[TimelineView]:
    """Of two columns: three steps of four blocks, and two of three."""
    for blocks, steps in ((4, 3), (3, 2)):
        path = tmp_path / f"{blocks}.twin"
        snapshot.write(sample_profile(blocks, steps), path)
        opened(window, qtbot, path)
    views = [window.board.view(document, "timeline") for document in window.session.documents]
    settle(window, qtbot)
    return [view for view in views if isinstance(view, TimelineView)]


def range_of(view: TimelineView) -> tuple[float, float]:
    axis = view.scene.context.time_axis
    return axis.begin_ns, axis.end_ns


def test_columns_move_together_until_they_are_let_apart(
    window: MainWindow, timelines: list[TimelineView], qtbot: QtBot
) -> None:
    one, two = timelines
    assert range_of(one) == range_of(two)
    qtbot.keyClick(one.canvas, Qt.Key.Key_W)
    assert range_of(two) == pytest.approx(range_of(one))
    window.actions_by_id["view.align"].trigger()
    assert not window.board.align.isChecked()
    before = range_of(two)
    qtbot.keyClick(one.canvas, Qt.Key.Key_F)
    qtbot.keyClick(one.canvas, Qt.Key.Key_W)
    assert range_of(two) == before
    qtbot.keyClick(two.canvas, Qt.Key.Key_F)
    assert range_of(two)[1] < 20 * MS  # two steps, not the other column's three
    window.actions_by_id["view.align"].trigger()
    assert range_of(one) == pytest.approx(range_of(two))


def test_the_title_bars_show_the_switch_only_beside_another_column(
    window: MainWindow, timelines: list[TimelineView]
) -> None:
    buttons = [
        button
        for button in window.board.row("timeline").findChildren(QToolButton)
        if button.defaultAction() is window.board.align
    ]
    assert [button.isVisible() for button in buttons] == [True]
    buttons[0].click()
    assert not window.board.align.isChecked()
    window.close_column(window.session.documents[1])
    assert not buttons[0].isVisible()


def test_details_tell_of_the_same_operator_in_the_other_column(
    timelines: list[TimelineView],
) -> None:
    one, _ = timelines
    row = row_named(one.scene.context.profile, "aten::relu")
    one.navigator.pick(row)
    facts = one.details.facts
    items = [facts.topLevelItem(at) for at in range(facts.topLevelItemCount())]
    texts = {item.text(0): item.text(1) for item in items}
    assert texts["All of this name"].startswith("12 times")
    other = next(text for label, text in texts.items() if label.startswith("In "))
    assert other.startswith("6 times")


def test_the_key_sheet_lists_every_key_of_the_timeline(window: MainWindow, qtbot: QtBot) -> None:
    sheet = KeySheet(window.commands, window)
    tree = sheet.findChild(QTreeWidget)
    rows = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    listed = {row.text(2) for row in rows if row.text(0) == "Timeline"}
    assert {key.text for key in KEYS} <= listed
    sheet.close()


def test_traces_of_ranks_stand_beside_each_other_and_can_be_joined(
    window: MainWindow, qtbot: QtBot, shared_data: Path
) -> None:
    join = next(command for command in window.commands if command.id == "file.join")
    opened(window, qtbot, shared_data / "sampled_rank0.json.gz")
    assert not join.when()
    opened(window, qtbot, shared_data / "sampled_rank1.json.gz")
    assert len(window.session.documents) == 2
    assert join.when()
    join.run()
    qtbot.waitUntil(lambda: len(window.session.documents) == 3, timeout=60_000)
    settle(window, qtbot)
    joined = window.session.documents[2]
    assert joined.title == "sampled_rank0, sampled_rank1"
    assert set(joined.profile.trace.tracks.rank.tolist()) == {0, 1}
    assert window.board.view(joined, "timeline") is not None


def test_a_row_that_no_column_fills_takes_one_line_and_says_why(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "host.twin"
    snapshot.write(sample_profile(2, 1), path)
    opened(window, qtbot, path)
    settle(window, qtbot)
    blank, full = window.board.row("xprof"), window.board.row("timeline")
    assert blank.height() < 30 < full.height()
    told = [label.text() for label in blank.findChildren(QLabel) if label.isVisible()]
    assert told == ["XProf", "No other tool's tables came with this profile."]
    assert not blank.columns.isVisible()
    assert full.columns.isVisible()
