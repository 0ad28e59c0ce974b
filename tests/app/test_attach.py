"""A TensorFlow process that runs already is traced from outside, by command and in the window."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.cli import main
from app.window.attach_dialog import AttachDialog
from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.errors import CaptureFailed
from profilers.profile import Profile, SliceKind
from profilers.runtimes.tf import attach as tf_attach
from tests.app.conftest import settle
from tests.app.test_main_job import dialog_of
from tests.conftest import ROOT
from tests.sample import sample_profile


@pytest.fixture(scope="module")
def served_address() -> Iterator[str]:
    yield from serving()


@pytest.fixture
def idle_address() -> Iterator[str]:
    yield from serving("idle")


def serving(*how: str) -> Iterator[str]:
    """The address of a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.models.serving", *how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield f"localhost:{process.stdout.readline().strip()}"
        process.communicate(timeout=30)  # its input ends


def operators(profile: Profile) -> set[str]:
    slices = profile.trace.slices
    names = slices.name[slices.kind == SliceKind.OPERATOR].tolist()
    return {profile.strings[name].rpartition(":")[2] for name in set(names)}


def test_the_command_leaves_a_snapshot(served_address: str, tmp_path: Path) -> None:
    out = tmp_path / "served.twin"
    assert main(["attach", served_address, "--seconds", "0.5", "--out", str(out)]) == 0
    profile = snapshot.read(out)
    assert {"_MklMatMul", "MatMul"} & operators(profile)
    assert profile.environment.facts["Attached to"] == served_address
    assert not any("Next to nothing" in each.message for each in profile.diagnostics)
    assert "tensorflow" not in sys.modules


def test_a_process_that_only_waits_is_told(idle_address: str, tmp_path: Path) -> None:
    out = tmp_path / "idle.twin"
    assert main(["attach", idle_address, "--seconds", "0.5", "--out", str(out)]) == 0
    told = [each for each in snapshot.read(out).diagnostics if "Next to nothing" in each.message]
    assert [each.remedy for each in told] == ["Attach while it works, or for longer."]


def attach(window: MainWindow, qtbot: QtBot, address: str, seconds: float) -> None:
    """As a person does: menu, address, Return."""
    window.actions_by_id["file.attach"].trigger()
    dialog = dialog_of(window, AttachDialog, qtbot)
    dialog.address.clear()
    qtbot.keyClicks(dialog.address, "nowhere")
    qtbot.keyClick(dialog.address, Qt.Key.Key_Return)
    assert dialog.isVisible()  # the address is refused in words
    dialog.address.clear()
    qtbot.keyClicks(dialog.address, address)
    dialog.seconds.setValue(seconds)
    qtbot.keyClick(dialog.address, Qt.Key.Key_Return)
    assert not dialog.isVisible()


def test_the_window_opens_the_trace_as_a_column(
    window: MainWindow, qtbot: QtBot, served_address: str
) -> None:
    window.session.show(Path("other.twin"), sample_profile())
    attach(window, qtbot, served_address, 0.5)
    other, document = window.session.documents
    assert document.is_busy  # with its progress in the column from the beginning
    assert not window.board.compare.has_two  # there is nothing to compare yet
    settle(window, qtbot)
    assert document.title == served_address
    assert document.is_unsaved
    assert not other.is_busy
    assert window.board.compare.has_two
    assert {"_MklMatMul", "MatMul"} & operators(document.profile)


def test_attaching_can_be_cancelled(window: MainWindow, qtbot: QtBot, served_address: str) -> None:
    attach(window, qtbot, served_address, 60)
    (document,) = window.session.documents
    with qtbot.waitSignal(document.progressed, timeout=20_000):
        pass
    cancel = next(
        each
        for each in window.board.header(document).findChildren(QToolButton)
        if each.text() == "Cancel"
    )
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    settle(window, qtbot, 20_000)
    assert not window.session.documents
    assert window.notice.isHidden()


def test_a_failed_attachment_is_told_and_its_address_kept(window: MainWindow, qtbot: QtBot) -> None:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    attach(window, qtbot, address, 0.5)
    settle(window, qtbot)
    assert not window.session.documents
    assert f"Cannot attach to {address}" in window.notice.text
    window.actions_by_id["file.attach"].trigger()
    assert window.notice.isHidden()
    dialog = dialog_of(window, AttachDialog, qtbot)
    assert dialog.address.text() == address


@pytest.fixture
def unanswered() -> Iterator[str]:
    """An address where nobody answers whether somebody listens: its queue is full."""
    with socket.socket() as listener, ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_where_nobody_answers_attaching_can_be_cancelled(
    window: MainWindow, qtbot: QtBot, unanswered: str
) -> None:
    attach(window, qtbot, unanswered, 0.5)
    (document,) = window.session.documents
    window.board.header(document).cancel_asked.emit(document)
    settle(window, qtbot, 20_000)
    assert not window.session.documents
    assert window.notice.isHidden()


def test_what_may_be_wrong_is_told_where_nobody_answers(
    unanswered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf_attach, "_CONNECTING_S", 0.2)
    with pytest.raises(CaptureFailed, match=r"nothing there answered within 0\.2 s.*firewall"):
        tf_attach._check_reachable(unanswered)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("localhost", "HOST:PORT"), ("localhost:99999", "HOST:PORT"), ("free", "Cannot attach to")],
)
def test_a_wrong_address_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, sentence: str
) -> None:
    if address == "free":
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            address = f"localhost:{probe.getsockname()[1]}"
    assert main(["attach", address, "--out", str(tmp_path / "x.twin"), "--seconds", "0.5"]) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def test_the_dialog_grows_with_what_it_tells(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_id["file.attach"].trigger()
    dialog = dialog_of(window, AttachDialog, qtbot)
    height = dialog.address.height()
    dialog.address.setText("nowhere")
    dialog.accept()
    qtbot.waitUntil(lambda: dialog.address.height() == height)
    told = [each for each in dialog.findChildren(QLabel) if each.wordWrap()]
    assert len(told) == 2
    qtbot.waitUntil(lambda: all(x.height() >= x.heightForWidth(x.width()) for x in told))
