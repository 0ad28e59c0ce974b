"""Keys, marks and the mouse on the timeline, by real events."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from tests.benchmarks.bench_timeline import large_profile
from tests.sample import MS
from tests.views.conftest import ShowView
from tests.views.test_timeline import middle_of, row_named
from views.timeline.flows import namesake, neighbour
from views.timeline.keys import KEYS

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def test_every_key_of_the_table_has_its_action_and_no_two_share_a_key(show_view: ShowView) -> None:
    view, _ = show_view("timeline")
    assert {key.action for key in KEYS} == set(view.actions_by_name)
    sequences = [QKeySequence(key.keys).toString() for key in KEYS]
    assert all(sequences)
    assert len(set(sequences)) == len(sequences)


def test_arrow_keys_move_and_scroll_and_zero_resets(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline", large_profile(4000))
    axis = context.time_axis
    full = (axis.begin_ns, axis.end_ns)
    axis.zoom(3, full[1] / 2)
    begin_ns = axis.begin_ns
    qtbot.keyClick(view.canvas, Qt.Key.Key_Right)
    assert axis.begin_ns > begin_ns
    qtbot.keyClick(view.canvas, Qt.Key.Key_Left)
    assert axis.begin_ns == pytest.approx(begin_ns)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    assert view.scene.top > 0
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Up)
    assert view.scene.top > 0
    qtbot.keyClick(view.canvas, Qt.Key.Key_0)
    assert (axis.begin_ns, axis.end_ns, view.scene.top) == (*full, 0)


def test_m_marks_for_now_and_shift_m_keeps(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    marks = view.scene.marks
    qtbot.keyClick(view.canvas, Qt.Key.Key_M)
    assert not marks.all
    for number in (0, 1):
        context.selection.pick_slice(row_named(context.profile, f"step {number}"))
        qtbot.keyClick(view.canvas, Qt.Key.Key_M)
    assert marks.all == [(10 * MS, 19 * MS)]
    assert context.selection.picked.time_range_ns is None  # the selection stays what it was
    qtbot.keyClick(view.canvas, Qt.Key.Key_M, SHIFT)
    context.selection.pick_slice(row_named(context.profile, "step 2"))
    qtbot.keyClick(view.canvas, Qt.Key.Key_M, SHIFT)
    assert marks.all == [(10 * MS, 19 * MS), (20 * MS, 29 * MS)]
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert len(marks.all) == 2
    context.selection.pick_slice(row_named(context.profile, "step 1"))
    qtbot.keyClick(view.canvas, Qt.Key.Key_M, SHIFT)
    assert marks.all == [(20 * MS, 29 * MS)]


def test_marks_are_drawn_under_the_ruler_and_a_click_on_the_cross_removes_them(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    assert not view.marks.isVisible()
    plain = view.canvas.grab().toImage()
    view.scene.marks.toggle_kept((10 * MS, 19 * MS))
    view.scene.marks.toggle_kept((25 * MS, 25 * MS + 500))
    assert view.marks.isVisible()
    qtbot.wait(1)
    assert view.canvas.grab().toImage() != plain
    box = view.marks.box_of((10 * MS, 19 * MS))
    scale = view.scene.scale(view.marks.width())
    assert box.left() == pytest.approx(scale.x_of(10 * MS))
    assert box.right() == pytest.approx(scale.x_of(19 * MS))
    narrow = view.marks.box_of((25 * MS, 25 * MS + 500))
    assert narrow.width() > view.marks.fontMetrics().horizontalAdvance("500 ns")
    picture = view.marks.grab().toImage()
    assert picture.pixelColor(round(box.left()) + 2, 8) == context.theme.accent
    axis = context.time_axis
    qtbot.mouseClick(view.marks, LEFT, pos=QPoint(round(box.left()) + 5, 8))
    assert 0 < axis.begin_ns < 10 * MS < 19 * MS < axis.end_ns < 22 * MS
    axis.fit()
    qtbot.mouseClick(view.marks, LEFT, pos=QPoint(round(box.right()) - 5, 8))
    assert view.scene.marks.all == [(25 * MS, 25 * MS + 500)]
    actions = view.marks.menu_of((25 * MS, 25 * MS + 500)).actions()
    assert [action.text() for action in actions] == ["Remove this mark", "Remove all marks"]
    actions[0].trigger()
    assert not view.marks.isVisible()


def test_control_with_stop_and_comma_steps_through_namesakes_in_time(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    slices = context.profile.trace.slices
    rows = np.flatnonzero(slices.name == context.profile.strings.find("aten::relu"))
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")].tolist()
    context.selection.pick_slice(rows[0])
    for wanted in rows[1:]:
        qtbot.keyClick(view.canvas, Qt.Key.Key_Period, CONTROL)
        assert context.selection.picked.focus == ("slice", wanted)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Period, CONTROL)
    assert context.selection.picked.focus == ("slice", rows[-1])
    qtbot.keyClick(view.canvas, Qt.Key.Key_Comma, CONTROL)
    assert context.selection.picked.focus == ("slice", rows[-2])


def test_steps_equal_a_walk_over_all_slices(show_view: ShowView) -> None:
    view, context = show_view("timeline", large_profile(8000))
    slices, scene = context.profile.trace.slices, view.scene
    random = np.random.default_rng(1)
    for row in random.integers(0, len(slices), 60).tolist():
        lane = (slices.track == slices.track[row]) & (slices.depth == slices.depth[row])
        mates = np.flatnonzero(lane).tolist()
        at = mates.index(row)
        after = mates[at + 1] if at + 1 < len(mates) else -1
        before = mates[at - 1] if at else -1
        assert neighbour(scene.lanes, scene.lane_of(row), row, 1) == after
        assert neighbour(scene.lanes, scene.lane_of(row), row, -1) == before
        names = np.flatnonzero(slices.name == slices.name[row])
        order = names[np.lexsort((names, slices.start_ns[names]))].tolist()
        at = order.index(row)
        assert namesake(slices, row, 1) == (order[at + 1] if at + 1 < len(order) else -1)
        assert namesake(slices, row, -1) == (order[at - 1] if at else -1)


def test_q_hides_and_shows_the_details(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("timeline")
    assert view.details.isVisible()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Q)
    assert not view.details.isVisible()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Q)
    assert view.details.isVisible()


def test_letters_typed_into_a_field_are_no_commands(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    context.selection.pick_slice(0)
    before = (axis.begin_ns, axis.end_ns, context.selection.picked)
    for opener, field in (
        (Qt.Key.Key_Slash, view.search.field),
        (Qt.Key.Key_P, view.filter.field),
    ):
        control = CONTROL if opener == Qt.Key.Key_P else Qt.KeyboardModifier.NoModifier
        qtbot.keyClick(view.canvas, opener, control)
        qtbot.keyClicks(field, "wasdfmrq.,[]0")
        assert field.text() == "wasdfmrq.,[]0"
        assert (axis.begin_ns, axis.end_ns, context.selection.picked) == before
        assert view.details.isVisible()
        assert not view.scene.marks.all


def test_signs_count_with_shift_where_a_keyboard_has_them_there(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("timeline")
    qtbot.keyClick(view.canvas, Qt.Key.Key_Slash, SHIFT)
    assert view.search.isVisible()


def test_an_arrow_under_pinned_tracks_ends_at_their_edge(show_view: ShowView) -> None:
    view, context = show_view("timeline", large_profile(4000))
    track = view.scene.bands[1].track
    view.scene.tracks.toggle_pin(track)
    view.scene.scroll_to(200, view.canvas.height())
    slices = context.profile.trace.slices
    hidden = int(np.flatnonzero(slices.track == view.scene.bands[2].track)[0])
    box = view.scene.box_of(hidden, view.scene.scale(view.canvas.width()))
    assert box.top() == box.bottom() == view.scene.pinned_height


def test_dragging_does_not_click_and_a_double_click_zooms(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    row = row_named(context.profile, "aten::conv2d")
    at = middle_of(view, row)
    qtbot.mousePress(view.canvas, LEFT, pos=at)
    qtbot.mouseMove(view.canvas, at + QPoint(60, 0))
    qtbot.mouseRelease(view.canvas, LEFT, pos=at + QPoint(60, 0))
    scale = view.scene.scale(view.canvas.width())
    picked = context.selection.picked
    assert picked.focus == ("", -1)
    assert picked.time_range_ns[1] - picked.time_range_ns[0] == pytest.approx(
        60 * scale.ns_per_pixel, rel=0.01
    )
    qtbot.mouseDClick(view.canvas, LEFT, pos=at)
    slices, axis = context.profile.trace.slices, context.time_axis
    assert axis.end_ns - axis.begin_ns == pytest.approx(1.3 * slices.duration_ns[row])


def test_dragging_with_control_zooms_and_backspace_undoes_it(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    axis = context.time_axis
    axis.forget()
    full = (axis.begin_ns, axis.end_ns)
    scale = view.scene.scale(view.canvas.width())
    wanted = scale.time_at(300) - scale.time_at(200)
    for undo, modifier in ((Qt.Key.Key_Backspace, None), (Qt.Key.Key_Z, CONTROL)):
        qtbot.mousePress(view.canvas, LEFT, CONTROL, QPoint(200, 30))
        qtbot.mouseMove(view.canvas, QPoint(300, 30))
        qtbot.mouseRelease(view.canvas, LEFT, CONTROL, QPoint(300, 30))
        assert axis.end_ns - axis.begin_ns == pytest.approx(wanted * 1.04, rel=0.01)
        assert context.selection.picked.is_empty
        qtbot.keyClick(view.canvas, undo, modifier or Qt.KeyboardModifier.NoModifier)
        assert (axis.begin_ns, axis.end_ns) == full


def test_home_end_and_pages_move_without_zooming(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline", large_profile(4000))
    axis = context.time_axis
    full = (axis.begin_ns, axis.end_ns)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Plus, SHIFT)
    span = axis.end_ns - axis.begin_ns
    assert span < full[1] - full[0]
    qtbot.keyClick(view.canvas, Qt.Key.Key_End)
    assert axis.end_ns == pytest.approx(full[1])
    qtbot.keyClick(view.canvas, Qt.Key.Key_Home)
    assert axis.begin_ns == pytest.approx(full[0])
    assert axis.end_ns - axis.begin_ns == pytest.approx(span)
    qtbot.keyClick(view.canvas, Qt.Key.Key_PageDown)
    one_page = view.scene.top
    assert one_page > 3 * view.scene.heights.lane
    qtbot.keyClick(view.canvas, Qt.Key.Key_PageUp)
    assert view.scene.top == 0


def test_control_a_selects_all_of_the_time_and_z_zooms_to_it(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    slices, axis = context.profile.trace.slices, context.time_axis
    axis.zoom(9, 10 * MS)
    qtbot.keyClick(view.canvas, Qt.Key.Key_A, CONTROL)
    begin_ns, end_ns = context.selection.picked.time_range_ns
    assert begin_ns == slices.start_ns.min()
    assert end_ns == (slices.start_ns + slices.duration_ns).max()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Z)
    assert axis.begin_ns <= begin_ns - context.origin_ns
    assert axis.end_ns >= end_ns - context.origin_ns


def test_f3_goes_on_finding_from_the_lanes(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    qtbot.keyClick(view.canvas, Qt.Key.Key_F, CONTROL)
    qtbot.keyClicks(view.search.field, "relu")
    qtbot.keyClick(view.search.field, Qt.Key.Key_F3)
    first = context.selection.picked.focus
    qtbot.keyClick(view.search.field, Qt.Key.Key_Escape)
    qtbot.keyClick(view.canvas, Qt.Key.Key_F3)
    assert context.selection.picked.focus not in (first, ("", -1))
    qtbot.keyClick(view.canvas, Qt.Key.Key_F3, SHIFT)
    assert context.selection.picked.focus == first
