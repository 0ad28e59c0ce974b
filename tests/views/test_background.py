"""Work in the background: the last one asked for wins, and nobody waits."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from profilers.profile import Profile, SliceKind
from tests.profilers.analysis.gpu_traces import US, GpuTrace
from tests.views.conftest import ShowView
from tests.views.test_devices import cells
from views.background import Latest
from views.devices import DevicesView
from views.devices.figures import range_figures
from views.operators import OperatorsView, grouped


def test_of_many_only_the_first_and_the_last_are_computed(qtbot: QtBot) -> None:
    owner, may_end = QObject(), threading.Event()
    latest, computed, arrived = Latest(owner), [], []

    def work(number: int) -> int:
        may_end.wait(10)
        computed.append(number)
        return number

    latest.arrived.connect(arrived.append)
    for number in range(5):
        latest.ask(lambda number=number: work(number))
    assert latest.is_waiting
    may_end.set()
    qtbot.waitUntil(lambda: not latest.is_waiting)
    assert computed == [0, 4]
    assert arrived == [4]


def test_an_owner_that_goes_waits_for_nothing(qtbot: QtBot) -> None:
    owner, may_end, ended = QObject(), threading.Event(), threading.Event()
    latest = Latest(owner)
    latest.ask(lambda: (may_end.wait(10), ended.set()))
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(10)
    qtbot.wait(20)


def test_what_is_dropped_emits_nothing(qtbot: QtBot) -> None:
    owner, may_end, arrived = QObject(), threading.Event(), []
    latest = Latest(owner)
    latest.arrived.connect(arrived.append)
    latest.ask(lambda: may_end.wait(10))
    latest.drop()
    may_end.set()
    qtbot.waitUntil(lambda: not latest.is_waiting)
    assert arrived == []


def test_a_failure_is_told(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    latest = Latest(owner := QObject())
    with qtbot.waitSignal(latest.failed) as told:
        latest.ask(lambda: [][1])
    assert "out of range" in str(told.args[0])
    assert "out of range" in caplog.text
    assert not latest.is_waiting
    assert owner is latest.parent()


@pytest.fixture(scope="module")
def large() -> Profile:
    """As many kernels and operators as are summed in the background, 1 µs each."""
    trace = GpuTrace()
    for at in range(10):
        trace.work(2 * at, 2 * at + 1, f"kernel {at % 5}")
        trace.host(2 * at, 2 * at + 1, f"aten::op {at % 5}", SliceKind.OPERATOR)
    small = trace.profile()
    slices, copies = small.trace.slices, 31_000
    by_track = np.argsort(np.tile(slices.track, copies), kind="stable")
    later = np.repeat(np.arange(copies) * 20 * US, len(slices))
    repeated = {name: np.tile(values, copies) for name, values in slices.columns().items()}
    repeated["start_ns"] = repeated["start_ns"] + later
    many = slices.replace(**repeated).take(by_track)
    trace_of_many = type(small.trace)(
        many, small.trace.tracks, small.trace.flows, small.trace.counters, small.trace.arguments
    )
    return Profile("large", strings=small.strings, trace=trace_of_many)


def test_a_range_of_a_large_trace_is_summed_in_the_background(
    show_view: ShowView, qtbot: QtBot, large: Profile
) -> None:
    view, context = show_view("devices", large)
    assert isinstance(view, DevicesView)
    before = cells(view.kernels.table, 1)
    for end in (100, 200, 40):
        context.selection.pick_time_range(0, end * US)
    assert not view.is_settled()
    assert "computing" in view.scope.text()
    assert cells(view.kernels.table, 1) == before
    assert not view.kernels.table.isEnabled()
    qtbot.waitUntil(view.is_settled)
    assert cells(view.kernels.table, 1) == ["4 µs"] * 5
    assert view.kernels.table.isEnabled()
    assert "computing" not in view.scope.text()
    assert view.kernels.statistics is range_figures(large, (0, 40 * US)).kernels


def test_a_grouping_of_a_large_trace_is_summed_in_the_background(
    show_view: ShowView, qtbot: QtBot, large: Profile
) -> None:
    view, context = show_view("operators", large)
    assert isinstance(view, OperatorsView)
    names = cells(view.table, 0)
    assert len(names) == 5
    assert names[0].startswith("aten::op")
    view.grouping.setCurrentIndex(view.grouping.findData("kernel"))
    assert not view.is_settled()
    assert not view.table.isEnabled()
    qtbot.waitUntil(view.is_settled)
    assert sorted(cells(view.table, 0)) == [f"kernel {at}" for at in range(5)]
    view.table.selectRow(0)
    picked = context.selection.picked.slices
    assert large.trace.slices.kind[picked].tolist() == [SliceKind.KERNEL]
    assert grouped(large, "kernel") is grouped(large, "kernel")


def test_a_view_closes_while_it_computes(show_view: ShowView, qtbot: QtBot, large: Profile) -> None:
    view, context = show_view("devices", large)
    context.selection.pick_time_range(0, 77 * US)
    assert not view.is_settled()
    with qtbot.waitSignal(view.destroyed):
        view.deleteLater()
    expected = range_figures(large, (0, 77 * US))  # waits for the same computation
    qtbot.wait(20)
    assert len(expected.kernels)
