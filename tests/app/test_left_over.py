"""What programs that were killed leave behind: offered once, or gone."""

from pathlib import Path

import pytest

from app.autosave import Autosave
from app.window.main_window import MainWindow
from profilers.run_record import RUN_FILE
from tests.sample import sample_profile


@pytest.fixture
def killed(home: Path) -> Autosave:
    """The part of a program whose process is gone."""
    return Autosave(home / "autosave", "1-1")


def ended_capture(autosave: Autosave) -> Path:
    folder = autosave.new_capture_folder()
    (folder / RUN_FILE).write_text("{}")
    return folder


def test_a_capture_that_was_stored_already_is_offered_once(
    killed: Autosave, window: MainWindow
) -> None:
    stored = killed.store(sample_profile(), ended_capture(killed))
    alone = ended_capture(killed)
    own = window.session.autosave
    own.discard_remains()
    assert set(own.left_over()) == {stored, alone}


def test_what_cannot_be_opened_goes_but_not_that_of_a_program_that_runs(
    killed: Autosave, window: MainWindow
) -> None:
    killed.new_capture_folder()  # nothing in it yet
    own = window.session.autosave
    running = own.new_capture_folder()
    own.discard_remains()
    assert not killed.folder.exists()
    assert running.is_dir()
