"""Views are prepared in the background before they are built."""

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.document import Document
from app.window.main_window import MainWindow
from app.window.preparations import Preparations
from profilers.profile import Profile
from tests.app.conftest import settle
from tests.sample import sample_profile
from views import VIEWS, ViewSpec
from views.devices import DevicesView
from views.devices.figures import range_figures
from views.preparing import prepare_devices
from views.timeline.prepared import lanes_of


class Gate:
    """A preparation that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.seen: list[str] = []

    def __call__(self, profile: Profile) -> None:
        self.seen.append(profile.name)
        self.begun.set()
        self.may_end.wait(30)
        prepare_devices(profile)


@pytest.fixture
def gate(window: MainWindow) -> Iterator[Gate]:
    """Before the devices view of the window."""
    gate = Gate()
    row = window.board.row("devices")
    row.spec = replace(row.spec, prepare=gate)
    yield gate
    gate.may_end.set()


def shown(window: MainWindow, profile: Profile) -> Document:
    window.session.show(Path("sample"), profile)
    return window.session.documents[-1]


def widget_of(window: MainWindow, document: Document) -> object:
    at = window.board.documents.index(document)
    return window.board.row("devices").columns.widget(at)


def test_a_view_waits_for_its_preparation_and_shows_it(
    window: MainWindow, qtbot: QtBot, gate: Gate
) -> None:
    document = shown(window, sample_profile())
    qtbot.waitUntil(gate.begun.is_set)
    qtbot.wait(50)
    waiting = widget_of(window, document)
    assert isinstance(waiting, QLabel)
    assert waiting.text() == "Preparing…"
    assert not window.is_settled()
    gate.may_end.set()
    settle(window, qtbot)
    view = widget_of(window, document)
    assert isinstance(view, DevicesView)
    assert view.kernels.statistics is range_figures(document.profile).kernels


def test_a_column_closes_at_once_while_it_is_prepared(
    window: MainWindow, qtbot: QtBot, gate: Gate
) -> None:
    document = shown(window, sample_profile())
    qtbot.waitUntil(gate.begun.is_set)
    window.close_column(document)
    assert not gate.may_end.is_set()  # nothing waited for it
    assert not window.session.documents
    settle(window, qtbot)
    gate.may_end.set()
    shown(window, sample_profile())
    settle(window, qtbot)
    assert isinstance(window.board.row("devices").columns.widget(0), DevicesView)


def test_a_replaced_profile_is_prepared_in_place_of_the_older_one(
    window: MainWindow, qtbot: QtBot, gate: Gate
) -> None:
    document = shown(window, replace(sample_profile(), name="beginning"))
    qtbot.waitUntil(gate.begun.is_set)
    document.show_profile(replace(sample_profile(steps=5), name="whole"))
    qtbot.waitUntil(lambda: gate.seen == ["beginning", "whole"])
    gate.may_end.set()
    settle(window, qtbot)
    view = widget_of(window, document)
    assert isinstance(view, DevicesView)
    assert view.kernels.statistics is range_figures(document.profile).kernels


def test_a_view_asked_for_at_once_does_not_wait_for_its_turn(
    window: MainWindow, gate: Gate
) -> None:
    document = shown(window, sample_profile())
    assert isinstance(window.board.view(document, "devices"), DevicesView)


def test_preparations_hold_no_profile_that_is_gone(qtbot: QtBot) -> None:
    preparations = Preparations()
    spec = next(spec for spec in VIEWS if spec.id == "operators")
    profile = sample_profile()
    with qtbot.waitSignal(preparations.advanced):
        preparations.want(spec, profile)
    assert preparations.is_ready(spec, profile)
    held = weakref.ref(profile)
    del profile

    def is_let_go() -> bool:
        gc.collect()
        return held() is None

    qtbot.waitUntil(is_let_go)  # the finished job is deleted in a turn of its own


@pytest.mark.parametrize("spec", VIEWS, ids=lambda spec: spec.id)
def test_every_preparation_works_for_a_profile_without_anything(spec: ViewSpec) -> None:
    spec.make_ready(Profile("empty"))


def test_a_preparation_that_fails_leaves_the_view_to_tell(
    window: MainWindow, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(profile: Profile) -> None:
        raise ValueError("no such column")

    row = window.board.row("devices")
    row.spec = replace(row.spec, prepare=fail)
    document = shown(window, sample_profile())
    settle(window, qtbot)
    assert "no such column" in caplog.text
    assert isinstance(widget_of(window, document), DevicesView)


def test_a_timeline_lets_go_of_its_profile() -> None:
    profile = sample_profile()
    next(spec for spec in VIEWS if spec.id == "timeline").make_ready(profile)
    lanes = weakref.ref(lanes_of(profile))
    held = weakref.ref(profile)
    assert lanes() is lanes_of(profile)
    del profile
    gc.collect()
    assert held() is None
    assert lanes() is None
