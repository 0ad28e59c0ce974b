"""While a capture measures, the window leaves the processors to it; the demo measures in turns."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.window import columns_window
from app.window.main_window import MainWindow
from tests.app.conftest import opened, settle
from tests.app.test_main_job import run_with
from tests.sample import sample_profile


def test_no_view_is_built_while_steps_are_measured(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt2")
    quiet, job = window.session.quiet, None
    run_with(window, qtbot, steps=100_000)
    job = document.job
    qtbot.waitUntil(lambda: quiet.is_quiet, timeout=60_000)
    window.session.show(Path("other.twin"), sample_profile())
    qtbot.wait(300)
    assert quiet.is_quiet
    assert not window.board.is_settled()

    window.open([])  # whoever opens something wants to see it
    assert not quiet.is_quiet
    qtbot.waitUntil(window.board.is_settled, timeout=20_000)
    qtbot.wait(300)
    assert document.job is job
    assert not quiet.is_quiet  # for the rest of this capture
    assert job is not None
    job.cancel()
    settle(window, qtbot)


def test_cancelling_ends_the_quiet_time(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt2")
    run_with(window, qtbot, steps=100_000)
    qtbot.waitUntil(lambda: window.session.quiet.is_quiet, timeout=60_000)
    window.session.close(document)
    assert not window.session.quiet.is_quiet
    settle(window, qtbot)


def test_the_demo_captures_both_and_measures_them_in_turns(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_window, "DEMO_ROUNDS", 3)
    window.run_demo()
    qtbot.waitUntil(lambda: len(window.session.documents) == 2, timeout=60_000)
    settle(window, qtbot)
    for document in window.session.documents:
        assert document.error is None
        assert document.was_run
    view = window.board.compare.view
    assert view is not None
    assert view.settings is not None
    (turns,) = view.settings.turns
    assert len(turns.a_ns) == 3
