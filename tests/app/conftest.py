"""A window of its own for each test, with settings and captures in a folder of its own."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.window.main_window import MainWindow
from profilers.models import ModelFile
from tests.sample import sample_profile

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program keeps its files during the test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TWINSCOPE_HOME", str(folder))
    return folder


@pytest.fixture
def window(qtbot: QtBot, home: Path) -> MainWindow:
    window = MainWindow()
    qtbot.addWidget(window, before_close_func=MainWindow.close_without_asking)
    window.show()
    qtbot.waitExposed(window)
    return window


def settle(window: MainWindow, qtbot: QtBot, timeout_ms: int = 120_000) -> None:
    """Wait until nothing runs and everything is drawn."""
    qtbot.waitUntil(window.is_settled, timeout=timeout_ms)


@pytest.fixture
def two(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """Two columns of the sample, in the window that has the keyboard."""
    for name in "ab":
        window.session.show(Path(f"{name}.twin"), sample_profile())
        settle(window, qtbot)
    with qtbot.waitActive(window):
        window.activateWindow()
    return window


def opened(window: MainWindow, qtbot: QtBot, path: Path) -> Document:
    """Open a file and return its column."""
    count = len(window.session.documents)
    window.open([path])
    qtbot.waitUntil(lambda: len(window.session.documents) > count, timeout=60_000)
    settle(window, qtbot)
    return window.session.documents[-1]


def model_of(document: Document) -> ModelFile:
    assert document.model is not None
    return document.model
