"""The row that compares two columns, as a person uses it."""

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent
from PySide6.QtWidgets import QApplication, QSplitter, QToolTip
from pytestqt.qtbot import QtBot

from app.capturing import request_for
from app.cli import main
from app.document import Document
from app.sharing import Sharing
from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.rows import RowKind
from profilers.profile import TimingPhase, Timings
from tests.app.conftest import opened, settle
from tests.sample import sample_profile
from views.comparison import ComparisonView

MS = 1_000_000


def saved(path: Path, median_ms: float, blocks: int) -> Path:
    durations = np.random.default_rng(blocks).normal(median_ms * MS, 0.1 * MS, 40).astype(int)
    timings = Timings.from_rows((TimingPhase.MEASURED, each) for each in durations)
    profile = sample_profile(blocks)
    environment = replace(profile.environment, model_name=path.stem)
    snapshot.write(replace(profile, timings=timings, environment=environment), path)
    return path


def comparison(window: MainWindow, qtbot: QtBot) -> ComparisonView:
    settle(window, qtbot)
    view = window.board.compare.view
    assert view is not None
    return view


@pytest.fixture
def two(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> list[Document]:
    return [
        opened(window, qtbot, saved(tmp_path / "four.twin", 10, 4)),
        opened(window, qtbot, saved(tmp_path / "three.twin", 8, 3)),
    ]


def test_it_appears_with_a_second_column_and_goes_with_it(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(window, qtbot, saved(tmp_path / "four.twin", 10, 4))
    assert not window.board.compare.isVisible()
    second = opened(window, qtbot, saved(tmp_path / "three.twin", 8, 3))
    assert window.board.compare.isVisible()
    view = comparison(window, qtbot)
    assert "% faster than A (95 % interval" in view.verdict.text()
    assert view.width() > 0.9 * window.board.width()
    window.close_column(second)
    settle(window, qtbot)
    assert not window.board.compare.isVisible()


def test_figures_rows_and_bars_tell_the_same(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    found = view.comparison
    assert found is not None
    assert view.figures.rowCount() == len(found.figures)
    latency = view.figures.item(0, 1)
    assert latency is not None
    assert latency.text().endswith(" ms")
    assert latency.textAlignment() & int(Qt.AlignmentFlag.AlignRight)
    bars = view.waterfall.bars
    assert (bars[0].name, bars[-1].name) == ("A", "B")
    for before, after in pairwise(bars[:-1]):
        assert after.begin == pytest.approx(before.end)
    assert bars[-2].end == pytest.approx(found.explanation.b_ns)
    assert view.rows.table.columns.rowCount() == len(found.explanation.rows)


def test_swapping_turns_the_verdict_and_the_other_column_can_be_chosen(
    window: MainWindow, qtbot: QtBot, two: list[Document], tmp_path: Path
) -> None:
    view = comparison(window, qtbot)
    qtbot.mouseClick(view.swap, Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    assert "% slower than A" in view.verdict.text()
    opened(window, qtbot, saved(tmp_path / "two.twin", 30, 2))
    assert view.a.count() == 3
    assert (view.a.currentIndex(), view.b.currentIndex()) == (1, 0)
    view.choose(0, 2)
    settle(window, qtbot)
    assert "times as long as A" in view.verdict.text()


def test_a_row_picks_both_columns(window: MainWindow, qtbot: QtBot, two: list[Document]) -> None:
    view = comparison(window, qtbot)
    assert view.comparison is not None
    rows = view.comparison.explanation.rows
    both = next(at for at, row in enumerate(rows) if row.kind == RowKind.MATCHED and all(row.nodes))
    table = view.rows.table
    place = table.columns.indexes_of(np.array([both]))[0]
    table.scrollTo(place)
    centre = table.visualRect(place).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    for document, nodes in zip(two, rows[both].nodes, strict=True):
        assert set(document.selection.picked.nodes.tolist()) == set(nodes)
        assert len(document.selection.picked.slices)
    lone = next(at for at, row in enumerate(rows) if row.kind == RowKind.ONLY_A)
    view.rows.row_picked.emit(lone)
    assert set(two[0].selection.picked.nodes.tolist()) == set(rows[lone].nodes[0])
    assert two[1].selection.picked.is_empty


def test_rows_are_filtered_by_words_and_kind(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    qtbot.keyClicks(view.rows.filter, "batch_norm blocks.1")
    assert view.rows.table.columns.rowCount() == 1
    assert "1 of " in view.rows.summary.text()
    view.rows.filter.clear()
    view.rows.kinds.setCurrentIndex(view.rows.kinds.findData(int(RowKind.ONLY_A)))
    shown = view.rows.table.columns.rowCount()
    assert view.comparison is not None
    kinds = [row.kind for row in view.comparison.explanation.rows]
    assert shown == kinds.count(RowKind.ONLY_A) > 0


def test_figures_take_no_more_room_than_they_fill(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    window.board.toggle_fill(window.board.compare)
    settle(window, qtbot)
    last = view.figures.visualItemRect(view.figures.item(view.figures.rowCount() - 1, 0))
    room = view.figures.viewport().height()
    qtbot.waitUntil(lambda: view.figures.viewport().height() - last.bottom() < 2 * last.height())
    assert last.bottom() < room
    assert view.waterfall.height() > view.figures.height()
    between = view.waterfall.y() - view.figures.geometry().bottom()
    assert between < last.height()


def test_all_figures_are_seen_as_long_as_the_splitter_was_not_moved(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    window.board.toggle_fill(window.board.compare)
    settle(window, qtbot)
    figures, waterfall = view.figures, view.waterfall
    splitter = figures.parentWidget()
    assert isinstance(splitter, QSplitter)
    qtbot.waitUntil(lambda: figures.height() == figures.maximumHeight())
    assert not figures.verticalScrollBar().isVisible()
    handle = splitter.handle(1)
    middle = handle.rect().center()
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(handle, middle - QPoint(0, 60))
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=middle - QPoint(0, 60))
    moved = figures.height()
    assert moved < figures.maximumHeight()
    view.choose(0, 1)
    settle(window, qtbot)
    assert figures.height() == moved
    assert figures.height() + waterfall.height() > 0.9 * splitter.height()


def test_the_parts_of_the_call_are_told_on_its_bar(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    assert view.comparison is not None
    rows = view.comparison.explanation.rows
    (place,) = (at for at, row in enumerate(rows) if row.kind == RowKind.CALL)
    lines = [at for at, bar in enumerate(view.waterfall.bars) if bar.row == place]
    spot = QPoint(20, int((lines[0] + 0.5) * 22))
    shown = QHelpEvent(QEvent.Type.ToolTip, spot, view.waterfall.mapToGlobal(spot))
    QApplication.sendEvent(view.waterfall, shown)
    assert QToolTip.text().startswith("The model's own call: ")
    assert "\nA: not recorded " in QToolTip.text()
    view.rows.kinds.setCurrentIndex(view.rows.kinds.findData(int(RowKind.CALL)))
    assert view.rows.table.columns.rowCount() == 1


def test_it_fills_the_window_folds_and_changes_its_theme(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    row = window.board.compare
    window.board.toggle_fill(row)
    assert row.isVisible()
    assert not window.board.row("graph").isVisible()
    window.board.toggle_fill(row)
    assert window.board.row("graph").isVisible()
    window.actions_by_id["row.compare"].trigger()
    assert row.is_folded
    window.set_theme("dark")
    window.actions_by_id["row.compare"].trigger()
    assert "faster" in comparison(window, qtbot).verdict.text()


def test_its_key_works_where_the_person_sees_it(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    row, timeline = window.board.compare, window.board.row("timeline")
    window.board.show_row(window.board.row("operators"))
    for _ in range(2):  # folded, then unfolded
        window.actions_by_id["row.compare"].trigger()
        assert not row.visibleRegion().isEmpty()
    window.board.toggle_fill(timeline)
    window.actions_by_id["row.compare"].trigger()
    assert row.isVisible()
    assert not row.is_folded
    assert not timeline.isVisible()
    window.actions_by_id["row.compare"].trigger()
    assert row.is_folded
    assert timeline.isVisible()


def test_two_captures_are_measured_again_in_turns(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    window.session.most_rounds = 5
    for _ in range(2):
        document = opened(window, qtbot, onnx_files / "cnn.onnx")
        assert document.model is not None
        request = replace(request_for(document.model), steps=3, warmup=1)
        window.session.run(document, request)
        settle(window, qtbot)
    view = comparison(window, qtbot)
    assert view.turns.isEnabled()
    qtbot.mouseClick(view.turns, Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    assert view.comparison is not None
    assert view.comparison.figures[0].metric.title == "Step, interleaved"
    assert not any(document.is_busy for document in window.session.documents)


def test_a_file_of_several_opens_as_it_was_compared(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, two: list[Document]
) -> None:
    """The teammate sees the same reference, rounds and normalisation; and so does a new theme."""
    view = comparison(window, qtbot)
    generator = np.random.default_rng(0)
    rounds = Rounds(*(generator.normal(middle * MS, 0.1 * MS, 20) for middle in (10, 20)))
    view.show_rounds(two[0], two[1], rounds)
    qtbot.mouseClick(view.swap, Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    told = view.verdict.text()
    assert "faster than A" in told or "times as fast as A" in told
    window.show_theme("dark")
    assert comparison(window, qtbot).verdict.text() == told
    window.show_theme("light")
    settle(window, qtbot)
    pair = tmp_path / "pair.twin"
    with qtbot.waitSignal(window.giving.saved, timeout=20_000):
        window.giving.save(window.session.documents, pair, Sharing(anonymise=True))
    report = tmp_path / "report.html"
    assert main(["report", str(pair), "--out", str(report)]) == 0
    assert told in report.read_text(encoding="utf-8")
    for document in list(window.session.documents):
        window.close_column(document)
    window.open([pair])
    qtbot.waitUntil(lambda: len(window.session.documents) == 2, timeout=20_000)
    view = comparison(window, qtbot)
    assert view.verdict.text() == told
    assert (view.a.currentIndex(), view.b.currentIndex()) == (1, 0)
    assert view.comparison is not None
    latency = view.comparison.latency
    assert latency is not None
    assert latency.metric.title == "Step, interleaved"


def test_the_figures_are_copied_and_saved_as_any_table(
    window: MainWindow, two: list[Document], qtbot: QtBot, tmp_path: Path
) -> None:
    table = comparison(window, qtbot).figures
    table.actions_on_it.save(tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(newline="") as stream:
        step, *_ = list(csv.DictReader(stream))
    assert step["unit"] == "ns"
    assert float(step["b_over_a"]) == pytest.approx(float(step["b"]) / float(step["a"]))
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    titles, line = QGuiApplication.clipboard().text().splitlines()
    assert titles.split("\t")[:3] == ["Figure", "A", "B"]
    assert line.split("\t")[1].endswith(" ms")


def test_models_that_were_not_run_are_compared_without_times(
    window: MainWindow, qtbot: QtBot, onnx_files: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        opened(window, qtbot, onnx_files / "cnn.onnx")
    shown = comparison(window, qtbot).rows
    hidden = [
        shown.table.columns.headerData(at, Qt.Orientation.Horizontal)
        for at in range(shown.table.columns.columnCount())
        if shown.table.isColumnHidden(at)
    ]
    assert hidden == ["Time in A", "Time in B", "B / A", "Share", "Difference"]
    assert shown.summary.text() == "Neither model was run, so there are no times to compare"
    assert shown.table.columns.rowCount() == 0  # and not a pause of 0 ns
    view = comparison(window, qtbot)
    assert view.waterfall.bars == []
    opened(window, qtbot, saved(tmp_path / "four.twin", 10, 4))
    view = comparison(window, qtbot)
    view.choose(0, 2)
    settle(window, qtbot)
    rows = view.rows.table.columns
    assert {rows.index(at, 1).data() for at in range(rows.rowCount())} == {"–"}
    assert any(rows.index(at, 2).data() != "0 ns" for at in range(rows.rowCount()))
    assert not view.rows.table.isColumnHidden(2)
    assert view.rows.table.isColumnHidden(5)


def test_a_narrow_window_has_the_rows_below_the_figures(
    window: MainWindow, qtbot: QtBot, two: list[Document]
) -> None:
    view = comparison(window, qtbot)
    for width, is_below in ((2400, False), (700, True)):
        window.resize(width, 700)
        qtbot.waitUntil(
            lambda is_below=is_below, view=view: (
                (view.rows.mapTo(view, QPoint(0, 0)).y() > view.waterfall.height()) == is_below
            )
        )
    bottom = view.waterfall.mapTo(view, QPoint(0, view.waterfall.height())).y()
    qtbot.waitUntil(lambda: view.rows.mapTo(view, QPoint(0, 0)).y() >= bottom)
    assert view.figures.horizontalScrollBar().maximum() == 0
