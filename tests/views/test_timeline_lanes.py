"""Tracks of the timeline: pinned, moved, folded, filtered and coloured, with real events."""

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QFont, QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.benchmarks.bench_timeline import large_profile
from tests.sample import MS
from tests.views.conftest import ShowView
from tests.views.timeline_samples import two_devices
from views.timeline import TimelineView
from views.timeline.colouring import ColourBy, choices
from views.timeline.layout import Band, BandKind

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def titles(view: TimelineView) -> list[str]:
    return [band.title for band in view.scene.bands]


def band_called(view: TimelineView, title: str, group: str = "") -> Band:
    return next(
        band for band in view.scene.bands if band.title == title and (group in ("", band.group))
    )


def label_of(view: TimelineView, band: Band) -> QPoint:
    return QPoint(40, view.scene.y_of(band) + 8)


def drag_label(view: TimelineView, qtbot: QtBot, band: Band, target: Band) -> None:
    start, end = label_of(view, band), label_of(view, target)
    qtbot.mousePress(view.labels, LEFT, pos=start)
    for share in (0.3, 0.7, 1.0):
        qtbot.mouseMove(view.labels, start + (end - start) * share)
    qtbot.mouseRelease(view.labels, LEFT, pos=end)


def choices_of(view: TimelineView, band: Band) -> dict[str, QAction]:
    return {action.text(): action for action in view.labels.menu_of(band).actions()}


def choose(view: TimelineView, band: Band, text: str) -> None:
    choices_of(view, band)[text].trigger()


def test_shift_t_pins_the_picked_slices_track_and_it_stays_in_sight(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline", large_profile(4000))
    last = len(context.profile.trace.slices) - 1
    track = int(context.profile.trace.slices.track[last])
    context.selection.pick_slice(last)
    qtbot.keyClick(view.canvas, Qt.Key.Key_T, SHIFT)
    pinned = view.scene.bands[0]
    assert pinned.track == track
    assert pinned.is_pinned
    for top in (0, 300, view.scene.height):
        view.scene.scroll_to(top, view.canvas.height())
        assert view.scene.y_of(pinned) == 0
        box = view.scene.box_of(last, view.scene.scale(view.canvas.width()))
        qtbot.mouseClick(view.canvas, LEFT, pos=box.center().toPoint())
        assert context.selection.picked.focus == ("slice", last)
    qtbot.keyClick(view.canvas, Qt.Key.Key_T, SHIFT)
    assert view.scene.pinned_height == 0
    assert view.scene.bands[-1].track == track


def test_pinned_tracks_hide_what_scrolls_beneath_them(show_view: ShowView) -> None:
    view, context = show_view("timeline", large_profile(4000))
    first = view.scene.bands[1].track
    view.scene.tracks.toggle_pin(first)
    plain = view.canvas.grab().toImage()
    view.scene.scroll_to(90, view.canvas.height())
    scrolled = view.canvas.grab().toImage()
    height = view.scene.pinned_height
    assert scrolled.copy(0, 0, plain.width(), height) == plain.copy(0, 0, plain.width(), height)
    assert scrolled != plain
    hidden = next(
        row
        for row in np.flatnonzero(context.profile.trace.slices.track != first).tolist()
        if (view.scene.lane_top(row) or 0) - view.scene.top < height - 20
    )
    box = view.scene.box_of(hidden, view.scene.scale(view.canvas.width()))
    assert box.height() == 0
    assert view.scene.band_at(height - 1).is_pinned


def test_dragging_a_label_moves_the_track_within_its_group(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("timeline", two_devices())
    one, two = (band_called(view, f"stream {stream}", "GPU 0") for stream in (7, 20))
    drag_label(view, qtbot, one, two)
    streams = [band.title for band in view.scene.bands if band.group == "GPU 0"]
    assert streams == ["GPU 0", "stream 20", "stream 7", "busy", "allocated"]
    assert all(above.bottom == below.top for above, below in pairwise(view.scene.bands))
    elsewhere = band_called(view, "stream 7", "GPU 1")
    before = titles(view)
    drag_label(view, qtbot, band_called(view, "stream 20", "GPU 0"), elsewhere)
    assert [band.group for band in view.scene.bands if band.title == "stream 20"] == [
        "GPU 0",
        "GPU 1",
    ]
    assert len(titles(view)) == len(before)


def test_dragging_beyond_the_edge_scrolls(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("timeline", large_profile(4000))
    first = view.scene.bands[1]
    bottom = view.labels.height()
    qtbot.mousePress(view.labels, LEFT, pos=label_of(view, first))
    for step in range(60):
        qtbot.mouseMove(view.labels, QPoint(40, bottom + 60 + step % 2))
    assert view.scene.top == view.scene.height - view.canvas.height()
    qtbot.mouseMove(view.labels, QPoint(40, bottom - 6))
    qtbot.mouseRelease(view.labels, LEFT, pos=QPoint(40, bottom - 6))
    assert view.scene.bands[-1].track == first.track


def test_dragging_a_header_moves_the_whole_group(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("timeline", two_devices())
    drag_label(view, qtbot, band_called(view, "GPU 1"), band_called(view, "python"))
    groups = [band.title for band in view.scene.bands if band.kind is BandKind.GROUP]
    assert groups == ["GPU 1", "python", "GPU 0"]
    assert not any(band.is_folded for band in view.scene.bands)


def test_the_labels_menu_pins_folds_and_moves(show_view: ShowView) -> None:
    view, _ = show_view("timeline", two_devices())
    choose(view, band_called(view, "stream 20", "GPU 1"), "Pin to the top")
    assert view.scene.bands[0].title == "stream 20"
    assert view.scene.bands[0].group == "GPU 1"
    choose(view, view.scene.bands[0], "Unpin")
    assert view.scene.bands[0].kind is BandKind.GROUP
    choose(view, band_called(view, "GPU 1"), "Move up")
    assert titles(view).index("GPU 1") < titles(view).index("GPU 0")
    assert "Move up" not in choices_of(view, band_called(view, "python"))
    choose(view, band_called(view, "python"), "Fold all groups")
    assert [band.kind for band in view.scene.bands] == [BandKind.GROUP] * 3
    choose(view, view.scene.bands[0], "Unfold all")
    assert "stream 7" in titles(view)


def test_folding_all_tracks_leaves_one_lane_each(show_view: ShowView) -> None:
    view, _ = show_view("timeline")
    view.scene.tracks.fold_tracks()
    assert {band.lanes for band in view.scene.bands if band.kind is BandKind.SLICES} == {1}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gpu 1", {"GPU 1", "stream 7", "stream 20", "busy"}),
        ("thread", {"python", "main"}),
        ("counter", {"GPU 0", "allocated"}),
        ("STREAM 20", {"GPU 0", "GPU 1", "stream 20", "busy"}),
        ("nowhere", set()),
    ],
)
def test_control_p_filters_by_name_group_and_kind(
    show_view: ShowView, qtbot: QtBot, text: str, wanted: set[str]
) -> None:
    view, context = show_view("timeline", two_devices())
    everything = titles(view)
    before = (context.time_axis.begin_ns, context.time_axis.end_ns)
    qtbot.keyClick(view.canvas, Qt.Key.Key_P, CONTROL)
    assert view.filter.isVisible()
    qtbot.keyClicks(view.filter.field, text)
    assert set(titles(view)) == wanted
    assert view.filter.count_text.endswith("of 6 tracks")
    assert (context.time_axis.begin_ns, context.time_axis.end_ns) == before  # no key fired
    view.canvas.grab()
    qtbot.keyClick(view.filter.field, Qt.Key.Key_Return)
    assert set(titles(view)) == wanted
    qtbot.keyClick(view.filter.field, Qt.Key.Key_Escape)
    assert titles(view) == everything
    assert not view.filter.isVisible()


@pytest.mark.parametrize("by", list(ColourBy))
def test_colours_follow_what_they_are_to_tell(show_view: ShowView, by: ColourBy) -> None:
    """Slices have the same colour just where they agree in what is told; -1 has its own."""
    view, context = show_view("timeline")
    view.scene.colour_by(by)
    slices, graph = context.profile.trace.slices, context.profile.authored
    scope_of = np.append(graph.nodes.scope, -1)
    told = {
        ColourBy.OPERATOR: slices.name,
        ColourBy.CATEGORY: slices.category,
        ColourBy.TRACK: slices.track,
        ColourBy.MODULE: scope_of[slices.node],
        ColourBy.NODE: slices.node,
    }[by]
    scene = view.scene
    colours = np.empty(len(slices), np.uint32)
    colours[scene.lanes.row] = scene.palette[scene.colour_index]
    assert (colours >> 24 == 255).all()
    for value in np.unique(told):
        assert len(np.unique(colours[told == value])) == 1
    if by is not ColourBy.OPERATOR:  # operators of one family share a colour
        assert len(np.unique(colours)) == len(np.unique(told))
    context.selection.pick_slice(0)
    picked = scene.palette[scene.picked_index]
    assert (picked == colours[scene.picked_lanes.row]).all()


def test_by_operator_needs_no_array_of_its_own(show_view: ShowView) -> None:
    view, _ = show_view("timeline")
    assert np.shares_memory(view.scene.colour_index, view.scene.lanes.name)


def test_the_colour_menu_changes_the_picture_and_its_legend(show_view: ShowView) -> None:
    view, context = show_view("timeline")
    assert choices(context) == tuple(ColourBy)
    before = view.canvas.grab().toImage()
    assert "convolution" in view.colours.legend_text
    view.colours.menu().aboutToShow.emit()
    assert view.colours.actions_by[ColourBy.OPERATOR].isChecked()
    view.colours.actions_by[ColourBy.TRACK].trigger()
    after = view.canvas.grab().toImage()
    assert before != after
    assert "GPU 0 · stream 7" in view.colours.legend_text
    drawn = QColor.fromRgb(int(view.scene.colouring.legend[0][0].rgb())).name()
    assert drawn in view.colours.legend_text


def test_without_linked_nodes_there_is_no_module_to_colour_by(show_view: ShowView) -> None:
    view, context = show_view("timeline", two_devices())
    assert choices(context) == (ColourBy.OPERATOR, ColourBy.CATEGORY, ColourBy.TRACK)
    view.colours.menu().aboutToShow.emit()
    assert not view.colours.actions_by[ColourBy.MODULE].isEnabled()


def test_headers_tell_tracks_slices_and_how_busy_a_device_is(show_view: ShowView) -> None:
    view, context = show_view("timeline", two_devices())
    context.time_axis.show(0, 10 * MS)
    # Stream 7 works 1-3 and 4-6, stream 20 works 2-4 and 5-7: 6 of the 8 ms that were recorded.
    assert view.scene.summary_of("GPU 0") == "3 tracks  ·  4 slices  ·  75.0 % busy"
    assert view.scene.summary_of("python") == "1 track  ·  1 slice"
    context.time_axis.show(1 * MS, 7 * MS)
    assert view.scene.summary_of("GPU 1") == "2 tracks  ·  4 slices  ·  100.0 % busy"
    assert "100.0 % busy" in view.labels.tooltip_of(band_called(view, "GPU 1"))


def test_a_menu_is_asked_for_the_track_under_the_mouse_or_of_the_picked_slice(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline", two_devices())
    view.canvas.menu_wanted.disconnect(view.labels.show_menu)
    band = band_called(view, "stream 7", "GPU 0")
    kernel = int(np.flatnonzero(context.profile.trace.slices.track == 4)[0])
    context.selection.pick_slice(kernel)
    at = QPoint(400, view.scene.y_of(band) + 4)
    for reason, wanted in (
        (QContextMenuEvent.Reason.Mouse, band),
        (QContextMenuEvent.Reason.Keyboard, band_called(view, "stream 20", "GPU 1")),
    ):
        with qtbot.waitSignal(view.canvas.menu_wanted) as asked:
            QApplication.sendEvent(
                view.canvas, QContextMenuEvent(reason, at, view.canvas.mapToGlobal(at))
            )
        assert asked.args[0] == wanted


def test_lanes_are_as_high_as_the_font_asks_for(show_view: ShowView) -> None:
    usual = QApplication.font()
    large = QFont(usual)
    large.setPointSize(24)
    QApplication.setFont(large)
    try:
        view, _ = show_view("timeline", large_profile(4000))
    finally:
        QApplication.setFont(usual)
    line = QFontMetrics(large).height()
    row = int(view.scene.lanes.row[0])
    box = view.scene.box_of(row, view.scene.scale(400))
    assert box is not None
    assert line <= box.height() < 2 * line
    assert view.scene.lane_at(box.center().y()) == view.scene.lane_of(row)
    assert view.ruler.height() >= 2 * line
