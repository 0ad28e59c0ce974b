"""Large traces show their beginning while the rest is read."""

import json
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.window.main_window import MainWindow
from profilers.traces import chrome_json, chrome_windows
from tests.app.conftest import settle
from views.timeline import TimelineView

COUNT = 40_000


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Read in many windows, and shown from the first one on."""
    monkeypatch.setattr(chrome_windows, "WINDOW_BYTES", 200_000)
    monkeypatch.setattr(chrome_json, "_FIRST_SHOWN_S", 0.0)
    path = tmp_path / "large.json"
    events = [
        {"ph": "X", "name": f"op {at % 50}", "cat": "cpu_op", "pid": 1, "tid": 1, "ts": 10 * at, "dur": 9}
        for at in range(COUNT)
    ]  # fmt: skip
    path.write_text(json.dumps({"traceEvents": events}))
    return path


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Reading stops after the beginning was shown, until the event is set."""
    event = threading.Event()
    act = chrome_json._NowAndThen.__call__
    has_shown = []

    def act_then_wait(self: chrome_json._NowAndThen, found: chrome_json.ReadEvents) -> None:
        act(self, found)
        if not has_shown:
            has_shown.append(True)
            event.wait(20)

    monkeypatch.setattr(chrome_json._NowAndThen, "__call__", act_then_wait)
    return event


def beginning(window: MainWindow, qtbot: QtBot, path: Path) -> Document:
    window.open([path])
    qtbot.waitUntil(lambda: bool(window.session.documents), timeout=20_000)
    return window.session.documents[0]


def test_the_beginning_is_drawn_before_the_end_is_read(
    window: MainWindow, qtbot: QtBot, trace: Path, gate: threading.Event
) -> None:
    document = beginning(window, qtbot, trace)
    assert document.is_busy
    assert 0 < len(document.profile.trace.slices) < COUNT
    assert "beginning" in document.profile.diagnostics[0].message
    qtbot.waitUntil(
        lambda: isinstance(window.board.view(document, "timeline"), TimelineView), timeout=10_000
    )
    gate.set()
    settle(window, qtbot)
    assert window.session.documents == [document]
    assert not document.is_busy
    assert len(document.profile.trace.slices) == COUNT
    assert not any("beginning" in each.message for each in document.profile.diagnostics)


def test_a_cancelled_file_keeps_its_beginning(
    window: MainWindow, qtbot: QtBot, trace: Path, gate: threading.Event
) -> None:
    document = beginning(window, qtbot, trace)
    shown = len(document.profile.trace.slices)
    window.board.header(document).cancel_asked.emit(document)
    gate.set()
    settle(window, qtbot)
    assert window.session.documents == [document]
    assert not document.is_busy
    assert len(document.profile.trace.slices) == shown


def test_a_column_may_be_closed_while_it_is_read(
    window: MainWindow, qtbot: QtBot, trace: Path, gate: threading.Event
) -> None:
    document = beginning(window, qtbot, trace)
    threading.Timer(0.2, gate.set).start()
    window.close_column(document)
    settle(window, qtbot)
    assert not window.session.documents
