"""The timeline view under real mouse and key events."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from profilers.profile import Environment, Profile, TrackKind
from tests.benchmarks.bench_timeline import large_profile
from tests.sample import MS, sample_profile
from tests.views.conftest import ShowView
from views.timeline import TimelineView
from views.timeline.layout import BandKind

LEFT = Qt.MouseButton.LeftButton


def row_named(profile: Profile, name: str, nth: int = 0) -> int:
    slices = profile.trace.slices
    return int(np.flatnonzero(slices.name == profile.strings.find(name))[nth])


def middle_of(view: TimelineView, row: int) -> QPoint:
    slices = view.scene.context.profile.trace.slices
    top = view.scene.lane_top(row)
    assert top is not None
    middle_ns = int(slices.start_ns[row]) + int(slices.duration_ns[row]) / 2
    x = view.scene.scale(view.canvas.width()).x_of(middle_ns)
    return QPoint(round(x), top - view.scene.top + 8)


def facts_of(view: TimelineView) -> dict[str, str]:
    tree = view.details.facts
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items}


def wheel(view: TimelineView, at: QPoint, delta: int, modifiers: Qt.KeyboardModifier) -> None:
    event = QWheelEvent(
        QPointF(at), QPointF(view.canvas.mapToGlobal(at)), QPoint(), QPoint(0, delta),
        Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.canvas, event)


def test_a_click_picks_the_slice_and_tells_of_it(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    row = row_named(context.profile, "aten::conv2d", nth=1)
    qtbot.mouseClick(view.canvas, LEFT, pos=middle_of(view, row))
    assert context.selection.picked.focus == ("slice", row)
    assert len(context.selection.picked.slices) > 1
    facts = facts_of(view)
    assert view.details.title.text() == "aten::conv2d  ·  490 µs"
    assert facts["Graph node"] == "conv_1  ·  aten.conv2d"
    assert facts["Scope"] == "blocks/1/conv"
    assert facts["Step"] == "0"
    assert facts["Start"] == "2 ms"
    assert facts["Fused into"] == "conv_relu_1  ·  conv_1, act_1"
    assert facts["Input Dims"] == "[[1, 16, 32, 32]]"


def test_a_click_on_nothing_clears(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    context.selection.pick_slice(0)
    qtbot.mouseClick(view.canvas, LEFT, pos=QPoint(5, view.canvas.height() - 3))
    assert context.selection.picked.is_empty


def test_dragging_with_shift_moves_the_shared_axis_and_picks_nothing(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    axis.zoom(4, 10 * MS)
    begin_ns, span_ns = axis.begin_ns, axis.end_ns - axis.begin_ns
    start = middle_of(view, row_named(context.profile, "step 1"))
    qtbot.mousePress(view.canvas, LEFT, Qt.KeyboardModifier.ShiftModifier, start)
    qtbot.mouseMove(view.canvas, start + QPoint(30, 0))
    qtbot.mouseMove(view.canvas, start + QPoint(50, 0))
    qtbot.mouseRelease(view.canvas, LEFT, pos=start + QPoint(50, 0))
    assert axis.begin_ns == pytest.approx(begin_ns - 50 * span_ns / view.canvas.width())
    assert axis.end_ns - axis.begin_ns == pytest.approx(span_ns)
    assert context.selection.picked.is_empty


def test_dragging_on_the_ruler_sums_what_ran_in_the_range(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    scale = view.scene.scale(view.ruler.width())
    begin, end = QPoint(round(scale.x_of(10 * MS)), 8), QPoint(round(scale.x_of(19 * MS)), 8)
    qtbot.mousePress(view.ruler, LEFT, pos=begin)
    qtbot.mouseMove(view.ruler, end)
    qtbot.mouseRelease(view.ruler, LEFT, pos=end)
    picked = context.selection.picked.time_range_ns
    assert picked == pytest.approx((10 * MS, 19 * MS), abs=2 * scale.ns_per_pixel)
    table = view.details.sums.columns
    texts = {table.index(at, 0).data(): table.index(at, 3).data() for at in range(table.rowCount())}
    assert texts["aten::relu"] == "4"
    assert "step 0" not in texts


def test_a_click_on_a_step_in_the_ruler_picks_its_range(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    x = round(view.scene.scale(view.ruler.width()).x_of(14 * MS))
    qtbot.mouseClick(view.ruler, LEFT, pos=QPoint(x, 28))
    assert context.selection.picked.time_range_ns == (10 * MS, 19 * MS)


def test_dragging_measures_on_the_lanes(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    qtbot.mousePress(view.canvas, LEFT, pos=QPoint(100, 30))
    for x in (140, 200):
        qtbot.mouseMove(view.canvas, QPoint(x, 30))
    qtbot.mouseRelease(view.canvas, LEFT, pos=QPoint(200, 30))
    scale = view.scene.scale(view.canvas.width())
    wanted = (round(scale.time_at(100)), round(scale.time_at(200)))
    assert context.selection.picked.time_range_ns == pytest.approx(wanted, abs=2)


def test_the_wheel_scrolls_zooms_at_the_cursor_and_moves(show_view: ShowView) -> None:
    view, context = show_view("timeline", large_profile(4000))
    axis, at = context.time_axis, QPoint(200, 50)
    before = (axis.begin_ns, axis.end_ns)
    wheel(view, at, -120, Qt.KeyboardModifier.NoModifier)
    assert view.scene.top > 0
    assert (axis.begin_ns, axis.end_ns) == before
    under_cursor = view.scene.scale(view.canvas.width()).time_at(200)
    wheel(view, at, 240, Qt.KeyboardModifier.ControlModifier)
    assert axis.end_ns - axis.begin_ns == pytest.approx((before[1] - before[0]) / 1.25**2)
    assert view.scene.scale(view.canvas.width()).time_at(200) == pytest.approx(under_cursor)
    zoomed = axis.begin_ns
    wheel(view, at, -120, Qt.KeyboardModifier.ShiftModifier)
    assert axis.begin_ns > zoomed


def test_keys_zoom_move_and_fit(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    full = (axis.begin_ns, axis.end_ns)
    qtbot.keyClick(view.canvas, Qt.Key.Key_W)
    assert axis.end_ns - axis.begin_ns == pytest.approx((full[1] - full[0]) / 1.25)
    begin_ns = axis.begin_ns
    qtbot.keyClick(view.canvas, Qt.Key.Key_D)
    assert axis.begin_ns > begin_ns
    qtbot.keyClick(view.canvas, Qt.Key.Key_A)
    assert axis.begin_ns == pytest.approx(begin_ns)
    qtbot.keyClick(view.canvas, Qt.Key.Key_S)
    qtbot.keyClick(view.canvas, Qt.Key.Key_F)
    assert (axis.begin_ns, axis.end_ns) == full


def test_fit_goes_to_the_selection_first_and_back_to_everything(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    full = (axis.begin_ns, axis.end_ns)
    context.selection.pick_slice(row_named(context.profile, "step 1"))
    qtbot.keyClick(view.canvas, Qt.Key.Key_F)
    assert 0 < axis.begin_ns < 10 * MS < 19 * MS < axis.end_ns < full[1]
    qtbot.keyClick(view.canvas, Qt.Key.Key_F)
    assert (axis.begin_ns, axis.end_ns) == full


def test_stepping_selecting_a_range_and_clearing_with_keys(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    first, second = (row_named(context.profile, f"step {number}") for number in (0, 1))
    context.selection.pick_slice(first)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Period)
    assert context.selection.picked.focus == ("slice", second)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Comma)
    assert context.selection.picked.focus == ("slice", first)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Comma)
    assert context.selection.picked.focus == ("slice", first)
    qtbot.keyClick(view.canvas, Qt.Key.Key_R)
    assert context.selection.picked.time_range_ns == (0, 9 * MS)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert context.selection.picked.is_empty


def test_brackets_follow_an_arrow_to_the_kernel_and_back(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    operator, kernel = (row_named(context.profile, name) for name in ("aten::relu", "relu_kernel"))
    context.selection.pick_slice(operator)
    qtbot.keyClick(view.canvas, Qt.Key.Key_BracketRight)
    assert context.selection.picked.focus == ("slice", kernel)
    qtbot.keyClick(view.canvas, Qt.Key.Key_BracketLeft)
    assert context.selection.picked.focus == ("slice", operator)


def test_an_operator_and_its_backward_tell_of_each_other(
    show_view: ShowView, qtbot: QtBot, rotary: Callable[[str, str], Profile]
) -> None:
    """Also the slice around the backward, which autograd's engine makes."""
    view, context = show_view("timeline", rotary("torch-eager", "training"))
    profile = context.profile
    flows, slices = profile.trace.flows, profile.trace.slices
    pair = int(np.flatnonzero(flows.kind == profile.strings.find("fwdbwd"))[0])
    forward, backward = int(flows.source[pair]), int(flows.target[pair])
    evaluated = int(slices.parent[backward])
    names = [profile.strings[int(slices.name[row])] for row in (forward, backward, evaluated)]
    assert names[2].endswith(f": {names[1]}")
    context.selection.pick_slice(forward)
    assert facts_of(view)["Backward"].startswith(f"{names[1]}  ·  ")
    context.selection.pick_slice(evaluated)
    assert facts_of(view)["Forward"].startswith(f"{names[0]}  ·  ")
    qtbot.keyClick(view.canvas, Qt.Key.Key_BracketLeft)
    assert context.selection.picked.focus == ("slice", forward)


def test_an_enclosing_slice_leads_to_what_was_launched_inside_it(show_view: ShowView) -> None:
    view, context = show_view("timeline")
    step = row_named(context.profile, "step 0")
    slices = context.profile.trace.slices
    targets = view.flows.targets(step)
    assert len(targets) == 12
    assert set(slices.step[targets].tolist()) == {0}


def test_a_double_click_zooms_to_the_slice(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    row = row_named(context.profile, "step 2")
    qtbot.mouseDClick(view.canvas, LEFT, pos=middle_of(view, row))
    axis = context.time_axis
    assert axis.begin_ns == pytest.approx(20 * MS - 0.15 * 9 * MS)
    assert axis.end_ns == pytest.approx(29 * MS + 0.15 * 9 * MS)


def test_search_steps_through_names_in_time_order(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    qtbot.keyClick(view.canvas, Qt.Key.Key_Slash)
    assert view.search.isVisible()
    qtbot.keyClicks(view.search.field, "BATCH kernel")
    assert view.search.count_text == "12 found"
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return)
    first = row_named(context.profile, "batch_norm_kernel")
    assert context.selection.picked.focus == ("slice", first)
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert view.search.count_text == "12 of 12"
    qtbot.keyClicks(view.search.field, "x")
    assert view.search.count_text == "nothing found"
    qtbot.keyClick(view.search.field, Qt.Key.Key_Escape)
    assert not view.search.isVisible()


def test_a_node_picked_elsewhere_comes_into_sight(show_view: ShowView) -> None:
    _, context = show_view("timeline")
    axis = context.time_axis
    axis.show(20 * MS, 22 * MS)
    span_ns = axis.end_ns - axis.begin_ns
    context.selection.pick_nodes([7])
    row = int(context.selection.picked.slices[0])
    slices = context.profile.trace.slices
    assert axis.begin_ns <= slices.start_ns[row]
    assert slices.start_ns[row] + slices.duration_ns[row] <= axis.end_ns
    assert axis.end_ns - axis.begin_ns == pytest.approx(span_ns)
    context.selection.pick_slice(row)
    before = axis.begin_ns
    context.selection.back()
    assert axis.begin_ns == before  # in sight already: nothing moves


def test_a_click_stays_where_it_is_though_another_column_follows(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    axis.show(20 * MS, 25 * MS)
    context.selection.changed.connect(lambda: axis.show(0, 3 * MS))
    row = row_named(context.profile, "aten::relu", nth=8)
    qtbot.mouseClick(view.canvas, LEFT, pos=middle_of(view, row))
    assert context.selection.picked.focus == ("slice", row)
    assert (axis.begin_ns, axis.end_ns) == (20 * MS, 25 * MS)


def test_of_a_node_in_many_steps_the_slice_in_sight_is_shown(show_view: ShowView) -> None:
    _, context = show_view("timeline")
    axis = context.time_axis
    axis.show(20 * MS, 26 * MS)
    context.selection.pick_nodes([7])
    assert (axis.begin_ns, axis.end_ns) == (20 * MS, 26 * MS)


def test_folding_hides_lanes_and_a_pick_opens_them_again(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    tall = view.scene.height
    thread = next(band for band in view.scene.bands if band.title == "python")
    qtbot.mouseClick(view.labels, LEFT, pos=QPoint(20, thread.top + 6))
    folded_track = view.scene.height
    assert folded_track < tall
    group = next(band for band in view.scene.bands if band.title == "GPU 0")
    qtbot.mouseClick(view.labels, LEFT, pos=QPoint(20, group.top + 6))
    assert view.scene.height < folded_track
    assert not any(band.title == "stream 7" for band in view.scene.bands)
    view.navigator.reveal(row_named(context.profile, "aten::relu"))
    view.navigator.reveal(row_named(context.profile, "relu_kernel"))
    assert view.scene.height == tall


def test_bands_follow_each_other_without_gaps_and_tell_kinds_apart(show_view: ShowView) -> None:
    view, context = show_view("timeline")
    bands = view.scene.bands
    titles = ["host", "python", "memory", "GPU 0", "stream 7", "busy"]
    assert [band.title for band in bands] == titles
    assert all(one.bottom == two.top for one, two in pairwise(bands))
    kinds = context.profile.trace.tracks.kind
    for band in bands:
        if band.track >= 0:
            is_counter = kinds[band.track] == TrackKind.COUNTER
            assert is_counter == (band.kind is BandKind.COUNTER)


def test_picked_slices_stand_out_and_the_rest_fades(show_view: ShowView) -> None:
    view, context = show_view("timeline")
    kernel = row_named(context.profile, "conv2d_kernel")
    other = row_named(context.profile, "conv2d_kernel", nth=2)
    spots = {row: middle_of(view, row) for row in (kernel, other)}
    plain = view.canvas.grab().toImage()
    context.selection.pick_slice(kernel)
    marked = view.canvas.grab().toImage()
    assert marked.pixelColor(spots[kernel]) == plain.pixelColor(spots[kernel])
    assert marked.pixelColor(spots[other]) != plain.pixelColor(spots[other])
    top = QPoint(spots[kernel].x(), (view.scene.lane_top(kernel) or 0) + 1)
    assert marked.pixelColor(top) == context.theme.selection


def test_the_tooltip_names_slice_duration_and_track(show_view: ShowView) -> None:
    view, context = show_view("timeline")
    row = row_named(context.profile, "relu_kernel")
    assert view.canvas.tooltip_of(row) == "relu_kernel\n100 µs\nGPU 0 · stream 7"


def test_a_large_trace_opens_picks_and_scrolls_to_its_last_track(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline", large_profile(40_000))
    last = len(context.profile.trace.slices) - 1
    view.navigator.reveal(last)
    qtbot.mouseClick(view.canvas, LEFT, pos=middle_of(view, last))
    assert context.selection.picked.focus == ("slice", last)


def test_a_profile_that_was_not_run_says_so(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view(
        "timeline", Profile("inspected", environment=Environment(model_name="net.pt"))
    )
    assert "not run" in view.findChild(QLabel).text()
    qtbot.keyClick(view, Qt.Key.Key_W)


def test_everything_that_takes_focus_has_a_name(show_view: ShowView) -> None:
    view, _ = show_view("timeline", sample_profile())
    for part in (view.canvas, view.ruler, view.labels, view.search.field, view.details.facts):
        assert part.accessibleName()
