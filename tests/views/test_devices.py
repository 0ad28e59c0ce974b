"""The devices view: its figures, its range, and both ways of its links."""

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QLabel, QTabWidget
from pytestqt.qtbot import QtBot

from profilers.opening import open_path
from profilers.profile import Environment, Profile, SliceKind
from tests.profilers.analysis.gpu_traces import US, GpuTrace
from tests.sample import MS, sample_profile
from tests.views.conftest import ShowView
from views import VIEWS
from views.devices import DevicesView
from views.devices.card import DeviceCard
from views.devices.stacked_bar import StackedBar

SPEC = next(spec for spec in VIEWS if spec.id == "devices")


def two_streams(ranks: int = 1) -> Profile:
    """Compute 0 to 60, communication 40 to 80, a copy 90 to 100 µs; the same on each rank."""
    trace = GpuTrace()
    trace.step(0, 100)
    trace.host(0, 5, "cudaLaunchKernel", correlation=1)
    for rank in range(ranks):
        trace.work(2, 2, "empty", rank=rank)
        trace.work(10, 60, "gemm", rank=rank, correlation=1 if rank == 0 else -1, step=0)
        trace.work(
            *(40, 80, "ncclKernel", SliceKind.COMMUNICATION),
            stream="stream 20", rank=rank, step=0,
        )  # fmt: skip
        trace.work(90, 100, "Memcpy DtoH", SliceKind.COPY, rank=rank, step=0)
    return trace.profile()


def texts(view: DevicesView) -> str:
    """All that the cards say, with plain spaces."""
    labels = [
        label.text()
        for card in view.findChildren(DeviceCard)
        for label in card.findChildren(QLabel)
    ]
    return "\n".join(labels).replace("\N{NO-BREAK SPACE}", " ")


def cells(table: Any, column: int) -> list[str]:
    model = table.columns
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_a_card_tells_what_the_device_did(show_view: ShowView) -> None:
    view, _ = show_view("devices", two_streams())
    (card,) = view.findChildren(DeviceCard)
    time, gaps = card.findChildren(StackedBar)
    assert time.accessibleName() == (
        "Compute 50 µs, Exposed communication 20 µs, Exposed copies 10 µs, Idle 18 µs"
    )
    assert "Waits for the host 0 ns" in gaps.accessibleName()
    shown = texts(view)
    assert "Busy 80 µs of 98 µs" in shown
    assert "communication 40 µs, 50.0 % of it hidden behind compute" in shown
    assert "median 5 µs" in shown
    assert "1 launches" in shown


def test_a_share_next_to_nothing_is_read_as_it_stands(show_view: ShowView) -> None:
    trace = GpuTrace()
    trace.work(0, 1, "tiny")
    trace.work(100_000, 100_001, "tiny")
    view, _ = show_view("devices", trace.profile())
    legend = texts(view).splitlines()[1]
    read = QTextDocumentFragment.fromHtml(legend).toPlainText().replace("\N{NO-BREAK SPACE}", " ")
    assert "Compute 2 µs (<0.1 %)" in read


def test_a_picked_range_limits_the_figures_and_says_so(show_view: ShowView) -> None:
    view, context = show_view("devices", two_streams())
    assert view.scope.text() == "The whole trace"
    context.selection.pick_time_range(50 * US, 150 * US)
    assert "selected range only" in view.scope.text()
    assert "100 µs from 50 µs" in view.scope.text()
    (bar, *_) = view.findChildren(DeviceCard)[-1].findChildren(StackedBar)
    assert bar.accessibleName() == (
        "Compute 10 µs, Exposed communication 20 µs, Exposed copies 10 µs, Idle 60 µs"
    )
    assert cells(view.kernels.table, 0) == ["ncclKernel", "gemm", "Memcpy DtoH"]
    assert cells(view.kernels.table, 1) == ["30 µs", "10 µs", "10 µs"]
    view.kernels.table.selectRow(1)
    assert len(context.selection.picked.slices) == 1
    assert "selected range only" in view.scope.text()  # a pick here keeps what is shown
    context.selection.clear()
    assert view.scope.text() == "The whole trace"
    assert cells(view.kernels.table, 0)[0] == "gemm"


def test_kernels_are_listed_by_time_and_by_type(show_view: ShowView) -> None:
    view, _ = show_view("devices", two_streams())
    assert cells(view.kernels.table, 0) == ["gemm", "ncclKernel", "Memcpy DtoH", "empty"]
    assert cells(view.kernels.table, 2) == ["50.0 %", "40.0 %", "10.0 %", "0.0 %"]
    view.kernels.types.setCurrentIndex(view.kernels.types.findText("Communication"))
    assert cells(view.kernels.table, 0) == ["ncclKernel"]


def test_clicking_a_kernel_picks_its_nodes_and_slices(show_view: ShowView) -> None:
    view, context = show_view("devices", sample_profile(blocks=3, steps=2))
    row = cells(view.kernels.table, 0).index("relu_kernel")
    view.kernels.table.selectRow(row)
    profile, picked = context.profile, context.selection.picked
    names = {profile.strings[name] for name in profile.trace.slices.name[picked.slices].tolist()}
    assert "relu_kernel" in names
    nodes = {profile.strings[name] for name in profile.authored.nodes.name[picked.nodes].tolist()}
    assert {"act_0", "act_1", "act_2"} <= nodes


def test_a_slice_picked_elsewhere_selects_its_kernel(show_view: ShowView) -> None:
    view, context = show_view("devices", two_streams())
    profile = context.profile
    row = profile.trace.slices.name.tolist().index(profile.strings.find("Memcpy DtoH"))
    context.selection.pick_slice(row)
    (selected,) = view.kernels.table.picked_rows()
    place = view.kernels.table.columns.indexes_of(np.array([selected]))[0].row()
    assert cells(view.kernels.table, 0)[place] == "Memcpy DtoH"


def test_devices_of_several_ranks_stand_apart(show_view: ShowView) -> None:
    view, _ = show_view("devices", two_streams(ranks=2))
    shown = texts(view)
    assert "Rank 0, device 0" in shown
    assert "Rank 1, device 0" in shown
    assert "No launches are recorded" in shown
    assert sorted(cells(view.kernels.table, 7))[::4] == ["0:0", "1:0"]


def test_the_critical_path_is_made_when_it_is_shown(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("devices", two_streams())
    assert cells(view.path.table, 0) == []
    view.findChild(QTabWidget).setCurrentWidget(view.path)
    assert not view.is_settled()
    qtbot.waitUntil(view.is_settled)
    rows = set(zip(cells(view.path.table, 0), cells(view.path.table, 1), strict=True))
    assert ("Device", "Memcpy DtoH") in rows
    assert "100 µs" in view.path.summary.text()
    place = cells(view.path.table, 1).index("Memcpy DtoH")
    view.path.table.selectRow(place)
    (picked,) = context.selection.picked.slices.tolist()
    assert context.profile.strings[int(context.profile.trace.slices.name[picked])] == "Memcpy DtoH"


def test_another_step_shows_another_path(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("devices", sample_profile(steps=3))
    view.findChild(QTabWidget).setCurrentWidget(view.path)
    qtbot.waitUntil(view.is_settled)
    assert view.path.summary.text().startswith("9 ms")
    view.path.step.setCurrentIndex(view.path.step.findText("Whole trace"))
    qtbot.waitUntil(view.is_settled)
    length_ms = float(view.path.summary.text().split()[0])
    assert 20 * MS < length_ms * MS < 30 * MS


def test_what_it_says_without_devices(show_view: ShowView) -> None:
    host = GpuTrace()
    host.host(0, 10, "aten::mm", SliceKind.OPERATOR)
    inspected = Profile("inspected", environment=Environment(model_name="cnn.onnx"))
    for profile, words in ((inspected, "not run"), (host.profile(), "the host did all")):
        view, _ = show_view("devices", profile)
        assert words in " ".join(label.text() for label in view.findChildren(QLabel))
        assert SPEC.is_blank(profile)
    assert not SPEC.is_blank(sample_profile())


def test_a_stream_without_work_says_so(show_view: ShowView) -> None:
    trace = GpuTrace()
    trace.work(0, 10, "Stream Sync", SliceKind.RUNTIME)
    view, _ = show_view("devices", trace.profile())
    assert "no kernels" in " ".join(label.text() for label in view.findChildren(QLabel))


def test_a_real_trace_shows_its_four_streams(show_view: ShowView, shared_data: Path) -> None:
    profile = open_path(shared_data / "a100_train_control.json.gz")
    assert isinstance(profile, Profile)
    view, _ = show_view("devices", profile)
    assert "Device 3" in texts(view)
    assert "4 streams added up" in texts(view)
    assert "hidden behind compute" in texts(view)
    assert cells(view.kernels.table, 6)[0] == "Communication"


def test_tables_go_below_the_cards_of_a_narrow_column(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("devices")
    (card,) = view.findChildren(DeviceCard)

    def is_below() -> bool:
        at = view.kernels.mapTo(view, QPoint(0, 0))
        return bool(at.y() > card.mapTo(view, QPoint(0, 0)).y() + 100)

    for width, below in ((500, True), (1000, False)):
        view.resize(width, 600)
        qtbot.waitUntil(lambda below=below: is_below() == below)
