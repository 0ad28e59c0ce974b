"""The memory view: the peak, what was alive, what it consists of, and its links."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from profilers.analysis.memory.groups import GroupBy
from profilers.captures import read_capture
from profilers.opening import open_path
from profilers.profile import NodeKind, Profile
from profilers.units import format_bytes
from tests.conftest import ROOT
from tests.profilers.traces.memory_snapshots import pooled_training, snapshot, training
from tests.sample import MIB, sample_profile
from tests.views.conftest import ShowView
from views.elided_label import ElidedLabel
from views.memory.breakdown_model import BreakdownModel
from views.memory.moment import moment_text


@pytest.fixture
def pooled(tmp_path: Path) -> Profile:
    """A snapshot in segments that grows by 1 MiB per step."""
    return opened(tmp_path, snapshot(pooled_training(steps=6)))


def opened(folder: Path, content: object) -> Profile:
    path = folder / "memory.pickle"
    path.write_bytes(pickle.dumps(content))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def test_it_opens_at_the_peak_and_lists_what_adds_up_to_it(show_view: ShowView) -> None:
    view, context = show_view("memory", sample_profile(blocks=2))
    table = view.alive.table.columns
    sizes = [str(table.index(row, 0).data()) for row in range(table.rowCount())]
    assert sizes == ["1 MiB"] * 3 + ["9 KiB"] * 2
    assert view.alive.moment.text().startswith("3.018 MiB at the peak  ·  5 blocks")
    assert context.bytes_axis.maximum == 3 * MIB + 2 * 9216


def test_a_click_in_the_chart_lists_that_moment(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("memory")
    at_the_peak = view.alive.moment.text()
    chart = view.chart
    qtbot.mouseClick(
        chart.viewport(),
        Qt.MouseButton.LeftButton,
        pos=QPoint(chart.width() - 6, chart.height() // 2),
    )
    assert view.alive.moment.text() != at_the_peak
    assert "alive" in view.alive.moment.text()


def test_keys_choose_moments_from_the_beginning_to_the_peak(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("memory")
    changes, peak_ns = view.stack.total.time_ns, view.moment_ns
    qtbot.keyClick(view.chart, Qt.Key.Key_Home)
    assert view.moment_ns == round(context.time_axis.begin_ns) + context.origin_ns
    qtbot.keyClick(view.chart, Qt.Key.Key_Right)
    assert view.moment_ns > context.time_axis.begin_ns + context.origin_ns
    qtbot.keyClick(view.chart, Qt.Key.Key_Left)
    qtbot.keyClick(view.chart, Qt.Key.Key_Left)  # not beyond what is in sight
    assert view.moment_ns == round(context.time_axis.begin_ns) + context.origin_ns
    seen = []
    for _ in range(len(changes) + 1):
        qtbot.keyClick(view.chart, Qt.Key.Key_Period)
        seen.append(view.moment_ns)
    assert set(changes[changes > context.origin_ns]) <= {*seen}
    assert seen[-1] == changes[-1]  # and no further
    before = view.alive.moment.text()
    qtbot.keyClick(view.chart, Qt.Key.Key_Comma)
    assert view.moment_ns == changes[-2]
    assert view.alive.moment.text() != before
    qtbot.keyClick(view.chart, Qt.Key.Key_P)
    assert view.moment_ns == peak_ns
    assert "at the peak" in view.alive.moment.text()


@pytest.mark.parametrize("chart", ["chart", "lifetimes"])
def test_a_moment_chosen_by_key_is_in_sight(show_view: ShowView, qtbot: QtBot, chart: str) -> None:
    """However far away it was zoomed to, and whatever is left out."""
    view, context = show_view("memory", sample_profile(steps=40))
    view.charts.setCurrentWidget(getattr(view, chart))
    peak_ns = view.moment_ns - context.origin_ns
    end_ns = context.time_axis.end_ns
    context.time_axis.show(end_ns - 1000, end_ns)
    qtbot.keyClick(getattr(view, chart), Qt.Key.Key_P)
    assert context.time_axis.begin_ns <= peak_ns <= context.time_axis.end_ns
    assert context.time_axis.end_ns - context.time_axis.begin_ns == pytest.approx(1000)
    left_out = view.stack.names[-1]
    context.bytes_axis.toggle(left_out)
    qtbot.keyClick(getattr(view, chart), Qt.Key.Key_P)
    assert view.moment_ns == view.stack.without({left_out}).total.peak_ns


def test_keys_choose_the_moment_that_segments_show(
    show_view: ShowView, qtbot: QtBot, pooled: Profile
) -> None:
    view, _ = show_view("memory", pooled)
    view.charts.setCurrentWidget(view.segments)
    at_the_peak = view.segments.figures.text()
    qtbot.keyClick(view.segments.picture, Qt.Key.Key_Home)
    qtbot.keyClick(view.segments.picture, Qt.Key.Key_Period)
    assert view.segments.figures.text() != at_the_peak
    qtbot.keyClick(view.segments.picture, Qt.Key.Key_P)
    assert view.segments.figures.text() == at_the_peak


def test_what_is_drawn_reaches_the_peak_at_any_zoom(show_view: ShowView) -> None:
    """Even where a pixel stands for many events."""
    view, context = show_view("memory", sample_profile(steps=40))
    peak = view.stack.total.peak_bytes
    for _ in range(3):
        _, top = view.chart.areas[-1].getData()
        assert top.max() == peak
        context.time_axis.zoom(2, view.stack.total.peak_ns - context.origin_ns)


def test_picking_a_block_picks_its_node_and_draws_its_curve(show_view: ShowView) -> None:
    view, context = show_view("memory")
    view.alive.table.selectRow(0)
    picked = context.selection.picked
    assert picked.focus[0] == "allocation"
    assert len(picked.nodes) == 1
    assert len(picked.slices) > 0
    weights = context.profile.memory.allocations.parameter[picked.allocations] >= 0
    bytes_ = context.profile.memory.allocations.bytes[picked.allocations]
    assert view.chart.picked.bytes.max() == MIB + bytes_[weights].sum()
    assert "float32 [1, 16, 32, 32]" not in view.alive.details.text()  # it has not that size
    assert "model.py:12" in view.alive.details.text()


def test_a_node_picked_elsewhere_selects_its_blocks(show_view: ShowView) -> None:
    view, context = show_view("memory")
    allocation = int(view.alive.rows[0])
    node = int(context.profile.memory.allocations.node[allocation])
    context.selection.pick_nodes([node])
    first, *weights = view.alive.table.picked_rows()
    assert first == 0
    table = context.profile.memory.allocations
    assert (table.parameter[view.alive.rows[weights]] >= 0).all()


def test_a_weight_and_the_node_that_reads_it_pick_each_other(show_view: ShowView) -> None:
    view, context = show_view("memory")
    profile = context.profile
    uses, table = profile.authored.parameter_uses, profile.memory.allocations
    place = int(np.flatnonzero(table.parameter[view.alive.rows] >= 0)[0])
    weight = int(view.alive.rows[place])
    (reader,) = uses.node[uses.parameter == table.parameter[weight]].tolist()
    view.alive.table.selectRow(view.alive.table.columns.shown_rows().index(place))
    picked = context.selection.picked
    assert picked.nodes.tolist() == [reader]
    assert len(picked.slices) > 0
    context.selection.clear()
    context.selection.pick_nodes([reader])
    assert weight in context.selection.picked.allocations
    assert place in view.alive.table.picked_rows()


def test_a_block_without_a_node_picks_the_slice_that_made_it(
    show_view: ShowView, pooled: Profile
) -> None:
    view, context = show_view("memory", pooled)
    view.alive.table.selectRow(0)
    block = int(view.alive.rows[0])
    assert context.selection.picked.slices.tolist() == [pooled.memory.allocations.slice[block]]
    assert "build (train.py:10)" in view.alive.details.text()  # the call stack


def test_a_stack_is_told_from_the_code_on_that_asked(show_view: ShowView) -> None:
    """What the allocator does by itself lies below it."""
    profile = open_path(ROOT / "tests" / "data" / "gpu" / "allocator.pickle")
    assert isinstance(profile, Profile)
    view, _ = show_view("memory", profile)
    view.alive.table.selectRow(0)
    told = view.alive.details.text()
    assert "<br>forward (tests/models/torch_zoo.py:22)<br>" in told
    assert "CUDACachingAllocator" not in told
    assert "CUDACachingAllocator" in view.alive.details.toolTip()


def test_zooming_moves_the_axis_that_columns_share(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("memory")
    axis = context.time_axis
    before = axis.end_ns - axis.begin_ns
    for chart in (view.chart, view.lifetimes):
        qtbot.keyClick(chart, Qt.Key.Key_W)
        assert axis.end_ns - axis.begin_ns < before
        (begin, end), _ = view.chart.getViewBox().viewRange()
        assert abs(begin - axis.begin_ns) < 1
        assert abs(end - axis.end_ns) < 1
        qtbot.keyClick(chart, Qt.Key.Key_F)
        assert axis.end_ns - axis.begin_ns == before


def test_a_profile_without_allocations_says_so(show_view: ShowView) -> None:
    view, _ = show_view("memory", Profile("inspected"))
    assert not hasattr(view, "chart")


def test_reserved_memory_is_drawn_above_what_is_in_use(show_view: ShowView, tmp_path: Path) -> None:
    profile = opened(tmp_path, snapshot(training(steps=2)))
    view, context = show_view("memory", profile)
    reserved = int(profile.memory.counters.reserved_bytes.max())
    assert (
        context.bytes_axis.maximum >= reserved > int(profile.memory.counters.allocated_bytes.max())
    )
    assert format_bytes(reserved).replace(" ", "&nbsp;") in view.legend.text()


def test_a_click_in_the_legend_leaves_a_part_out_of_chart_and_scale(show_view: ShowView) -> None:
    view, context = show_view("memory", sample_profile(blocks=2))
    largest = view.stack.names[
        int(np.argmax(view.stack.levels(np.array([view.stack.total.peak_ns]))[:, 0]))
    ]
    before = context.bytes_axis.maximum
    place = view.stack.names.index(largest)
    view.legend.linkActivated.emit(str(place))
    assert context.bytes_axis.hidden == {largest}
    rest = view.stack.without({largest})
    assert context.bytes_axis.maximum == rest.total.peak_bytes < before
    assert "line-through" in view.legend.text()
    assert view.alive.moment.text().startswith("3.018 MiB at the peak")  # the list stays whole
    view.legend.linkActivated.emit(str(place))
    assert context.bytes_axis.maximum == before
    assert "line-through" not in view.legend.text()


def test_a_pool_far_beyond_the_blocks_is_left_out_at_first(
    show_view: ShowView, tmp_path: Path
) -> None:
    with zipfile.ZipFile(ROOT / "tests" / "data" / "gpu" / "cnn_training.zip") as packed:
        packed.extractall(tmp_path)
    view, context = show_view("memory", read_capture(tmp_path))
    assert "reserved" in context.bytes_axis.hidden
    assert context.bytes_axis.maximum == view.stack.total.peak_bytes


def test_the_pointer_is_told_the_total_and_the_largest_blocks(show_view: ShowView) -> None:
    view, context = show_view("memory", sample_profile(blocks=2))
    text = moment_text(context.profile, view.stack, view.moment_ns, context.origin_ns)
    assert "3.018 MiB alive" in text
    assert "Activation: 3 MiB" in text
    assert "blocks.0.conv · conv_0" in text
    assert "weight" not in text  # all weights are there all the time
    assert "(not known)" not in text


def test_the_chart_and_the_breakdown_are_split_alike(show_view: ShowView) -> None:
    view, _ = show_view("memory", sample_profile(blocks=2))
    view.lists.setCurrentWidget(view.breakdown)
    for by, name in ((GroupBy.MODULE, "blocks.0"), (GroupBy.OPERATOR, "aten.relu")):
        view.grouping.setCurrentIndex(view.grouping.findData(by))
        assert any(name in each for each in view.stack.names)
        assert name in view.legend.text()
        model = view.breakdown.tree.model()
        tops = [model.index(row, 0) for row in range(model.rowCount())]
        rows = [index.internalId() for index in tops]
        assert model.breakdown.row_bytes[rows].sum() == view.stack.total.peak_bytes


def test_modules_fold_and_pick_their_nodes(show_view: ShowView) -> None:
    view, context = show_view("memory", sample_profile(blocks=2))
    view.lists.setCurrentWidget(view.breakdown)
    view.grouping.setCurrentIndex(view.grouping.findData(GroupBy.MODULE))
    tree = view.breakdown.tree
    model = tree.model()
    blocks = model.index(0, 0)
    assert blocks.data() == "blocks"
    assert tree.isExpanded(blocks)  # it holds nearly everything
    first = next(
        model.index(row, 0, blocks) for row in range(2) if model.index(row, 0, blocks).data() == "0"
    )
    tree.setCurrentIndex(first)
    names = [
        context.profile.strings[int(context.profile.authored.nodes.name[node])]
        for node in context.selection.picked.nodes.tolist()
    ]
    assert names == ["conv_0", "bn_0", "act_0"]


def test_the_tree_is_a_sound_model(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("memory", sample_profile(blocks=5))
    view.lists.setCurrentWidget(view.breakdown)
    for at in range(view.grouping.count()):
        view.grouping.setCurrentIndex(at)
        model = view.breakdown.tree.model()
        assert isinstance(model, BreakdownModel)
        QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)


def test_a_bar_of_the_lifetimes_picks_its_block(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("memory", sample_profile(blocks=2, steps=2))
    view.charts.setCurrentWidget(view.lifetimes)
    chart = view.lifetimes
    allocations = context.profile.memory.allocations
    block = int(chart.found.blocks[chart.found.offsets[1]])
    area = chart.viewport()
    places = [QPoint(x, y) for y in range(0, area.height(), 5) for x in range(0, area.width(), 5)]
    place = next(each for each in places if chart.block_at(QPointF(each)) == block)
    qtbot.mouseClick(area, Qt.MouseButton.LeftButton, pos=place)
    assert context.selection.picked.focus == ("allocation", block)
    assert not (allocations.parameter[chart.found.blocks] >= 0).any()
    qtbot.mouseClick(view.lasting, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert (allocations.parameter[chart.found.blocks] >= 0).sum() == 2


def test_segments_show_the_chosen_moment_and_pick_blocks(
    show_view: ShowView, pooled: Profile, qtbot: QtBot
) -> None:
    view, context = show_view("memory", pooled)
    view.charts.setCurrentWidget(view.segments)
    counters = pooled.memory.counters
    at_peak = view.segments.figures.text()
    view.show_moment(int(counters.time_ns[-1]))
    reserved = format_bytes(int(counters.reserved_bytes[-1]))
    assert view.segments.figures.text().startswith(f"{reserved} reserved in ")
    assert view.segments.figures.text() != at_peak
    picture = view.segments.picture
    rows = np.arange(2, picture.viewport().height(), 11)
    places = [QPoint(x, int(y)) for y in rows for x in range(160, picture.viewport().width(), 9)]
    place = next(each for each in places if picture.block_at(QPointF(each)) >= 0)
    qtbot.mouseClick(picture.viewport(), Qt.MouseButton.LeftButton, pos=place)
    kind, block = context.selection.picked.focus
    assert kind == "allocation"
    assert block in view.alive.rows


def test_growth_over_steps_is_told_with_its_place(
    show_view: ShowView, pooled: Profile, tmp_path: Path
) -> None:
    view, _ = show_view("memory", pooled)
    assert "Grows by 1 MiB per step" in view.note.text()
    assert "log_loss (train.py:10)" in view.note.text()
    fine, _ = show_view("memory", opened(tmp_path, snapshot(training(steps=4))))
    assert fine.note.text() == ""
    assert not fine.note.isVisible()


def test_inputs_and_weights_are_no_operators(show_view: ShowView) -> None:
    view, context = show_view("memory")
    view.grouping.setCurrentIndex(view.grouping.findData(GroupBy.OPERATOR))
    view.lists.setCurrentWidget(view.breakdown)
    model = view.breakdown.tree.model()
    names = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert "(parameters)" in names
    kinds = context.profile.authored.nodes.kind
    assert not set(names) & {"input", "output"}
    assert (kinds == NodeKind.INPUT).any()


def test_a_picked_time_range_is_shaded(show_view: ShowView) -> None:
    view, context = show_view("memory")
    assert not view.chart.range_shade.isVisible()
    context.selection.pick_time_range(5_000_000, 12_000_000)
    assert view.chart.range_shade.isVisible()
    assert view.chart.range_shade.getRegion() == (5_000_000, 12_000_000)
    context.selection.clear()
    assert not view.chart.range_shade.isVisible()


def test_where_figures_come_from_leaves_the_tabs_their_room(show_view: ShowView) -> None:
    profile = sample_profile()
    told = "Told by an allocator with a great deal to say for itself, " * 6
    view, _ = show_view("memory", replace(profile, memory=replace(profile.memory, source=told)))
    view.resize(620, 400)
    tabs = view.lists.tabBar()
    assert tabs.tabRect(tabs.count() - 1).right() <= tabs.width()
    (source,) = (each for each in view.findChildren(ElidedLabel) if each.whole == told)
    assert source.text().endswith("…")
    assert source.toolTip() == told
