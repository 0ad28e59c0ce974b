"""The memory view: the peak, what was alive, and its links."""

import pickle
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from profilers.opening import open_path
from profilers.profile import Profile
from profilers.units import format_bytes
from tests.profilers.traces.memory_snapshots import snapshot, training
from tests.sample import MIB, sample_profile
from tests.views.conftest import ShowView


def test_it_opens_at_the_peak_and_lists_what_adds_up_to_it(show_view: ShowView) -> None:
    view, context = show_view("memory", sample_profile(blocks=2))
    table = view.table.columns
    sizes = [str(table.index(row, 0).data()) for row in range(table.rowCount())]
    assert sizes == ["1 MiB"] * 3 + ["9 KiB"] * 2
    assert view.moment.text().startswith("3.018 MiB at the peak  ·  5 blocks")
    assert context.bytes_axis.maximum == 3 * MIB + 2 * 9216


def test_a_click_in_the_chart_lists_that_moment(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("memory")
    at_the_peak = view.moment.text()
    chart = view.chart
    qtbot.mouseClick(
        chart.viewport(),
        Qt.MouseButton.LeftButton,
        pos=QPoint(chart.width() - 6, chart.height() // 2),
    )
    assert view.moment.text() != at_the_peak
    assert "alive" in view.moment.text()


def test_picking_a_block_picks_its_node_and_draws_its_curve(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("memory")
    view.table.selectRow(0)
    picked = context.selection.picked
    assert picked.focus[0] == "allocation"
    assert len(picked.nodes) == 1
    assert len(picked.slices) > 0
    _, levels = view.chart._picked_curve.getData()
    assert levels.max() == MIB


def test_a_node_picked_elsewhere_selects_its_blocks(show_view: ShowView) -> None:
    view, context = show_view("memory")
    allocation = int(view._alive[0])
    node = int(context.profile.memory.allocations.node[allocation])
    context.selection.pick_nodes([node])
    assert view.table.picked_rows() == [0]


def test_zooming_moves_the_axis_that_columns_share(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("memory")
    axis = context.time_axis
    before = axis.end_ns - axis.begin_ns
    qtbot.keyClick(view.chart, Qt.Key.Key_W)
    assert axis.end_ns - axis.begin_ns < before
    (begin, end), _ = view.chart.getViewBox().viewRange()
    assert abs(begin - axis.begin_ns) < 1
    assert abs(end - axis.end_ns) < 1
    qtbot.keyClick(view.chart, Qt.Key.Key_F)
    assert axis.end_ns - axis.begin_ns == before


def test_a_profile_without_allocations_says_so(show_view: ShowView) -> None:
    view, _ = show_view("memory", Profile("inspected"))
    assert not hasattr(view, "chart")


def test_reserved_memory_is_drawn_above_what_is_in_use(show_view: ShowView, tmp_path: Path) -> None:
    path = tmp_path / "memory.pickle"
    path.write_bytes(pickle.dumps(snapshot(training(steps=2))))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    view, context = show_view("memory", profile)
    reserved = int(profile.memory.counters.reserved_bytes.max())
    assert (
        context.bytes_axis.maximum >= reserved > int(profile.memory.counters.allocated_bytes.max())
    )
    assert format_bytes(reserved) in view._legend.text()
