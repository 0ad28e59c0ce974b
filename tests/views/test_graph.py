"""The graph view as a person uses it: pick, fold, walk, find, and follow other views."""

import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QTreeWidgetItemIterator
from pytestqt.qtbot import QtBot

from profilers.graphs.builder import GraphBuilder
from profilers.profile import Environment, Profile, StringPool
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.graph_samples import chain_profile, control_profile, encoder_profile
from views.graph import arranging
from views.graph.inspector import NodeInspector
from views.graph.model import StageModel
from views.graph.side_split import SideSplit
from views.graph.view import GraphView


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay out more than a few boxes off the window's thread, however quick the loops are."""
    monkeypatch.setattr(arranging, "_AT_ONCE", 100)
    monkeypatch.setattr(arranging, "_AT_ONCE_UNCOMPILED", 100)


def colour_at(image: QImage, view: GraphView, item: int) -> QColor:
    """Of the lower right inside of a box."""
    boxes, row = view.canvas.scene.boxes, view.canvas.scene.row_of(item)
    corner = QPointF(boxes.right[row] - 5, boxes.bottom[row] - 4)
    return image.pixelColor((view.canvas.camera.to_widget(corner)).toPoint())


def place(view: GraphView, item: int) -> QPoint:
    """Where the title of a box is on the canvas, in sight or not."""
    boxes, row = view.canvas.scene.boxes, view.canvas.scene.row_of(item)
    return view.canvas.camera.to_widget(QPointF(boxes.left[row] + 12, boxes.top[row] + 9)).toPoint()


def node_named(profile: Profile, name: str) -> int:
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    return names.index(name)


def click(qtbot: QtBot, view: GraphView, item: int) -> None:
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place(view, item))


def inspected(inspector: NodeInspector) -> dict[str, str]:
    lines = QTreeWidgetItemIterator(inspector)
    found = {}
    while lines.value() is not None:
        found[lines.value().text(0)] = lines.value().text(1)
        lines += 1
    return found


def shown(view: GraphView) -> set[int]:
    return set(view.canvas.scene.boxes.item.tolist())


def test_a_click_picks_the_node_and_tells_all_about_it(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    conv = node_named(context.profile, "conv_0")
    click(qtbot, view, conv)
    picked = context.selection.picked
    assert picked.nodes.tolist() == [conv]
    assert len(picked.slices) > 0
    assert picked.groups.tolist() == [0]
    lines = inspected(view.inspector)
    assert lines["Operator"] == "aten.conv2d"
    assert lines["Module"] == "blocks/0/conv"
    assert lines["FLOPs"] == "9 M"
    assert lines["Self time per step"] == "490 µs"
    assert lines["blocks.0.conv.weight"] == "16 × 16 × 3 × 3\nfloat32  9 KiB"
    assert lines["index"] == "0"


def test_a_click_beside_the_boxes_clears_the_selection(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    click(qtbot, view, node_named(context.profile, "conv_0"))
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert context.selection.picked.is_empty
    assert inspected(view.inspector)["Nodes"] == "14"


def test_a_click_on_a_folded_box_picks_all_nodes_in_it(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    view.fold_all()
    hierarchy = view.canvas.model.hierarchy
    (blocks,) = [item for item in shown(view) if hierarchy.is_container(item)]
    click(qtbot, view, blocks)
    assert len(context.selection.picked.nodes) == 12


def test_a_double_click_unfolds_and_folds_under_the_mouse(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("graph", encoder_profile(4))
    view.fold_all()
    hierarchy = view.canvas.model.hierarchy
    (stack,) = [item for item in shown(view) if hierarchy.is_container(item)]
    before, where = shown(view), place(view, stack)
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=where)
    assert shown(view) == before | set(hierarchy.tree.children(stack).tolist())
    assert (place(view, stack) - where).manhattanLength() <= 2
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=where)
    assert shown(view) == before


def test_a_node_picked_elsewhere_is_unfolded_and_brought_into_sight(show_view: ShowView) -> None:
    view, context = show_view("graph", encoder_profile(20))
    view.fold_all()
    last = int(context.profile.authored.edges.source[-1])
    assert last not in shown(view)
    context.selection.pick_nodes([last])
    assert last in shown(view)
    assert view.canvas.rect().contains(place(view, last))
    assert view.canvas.painter.picked == {last}


def test_many_nodes_picked_elsewhere_do_not_unfold_everything(show_view: ShowView) -> None:
    view, context = show_view("graph", encoder_profile(20))
    before = shown(view)
    context.selection.pick_nodes(range(len(context.profile.authored.nodes)))
    assert shown(view) == before


def test_arrow_keys_walk_along_the_edges(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    click(qtbot, view, node_named(context.profile, "conv_0"))
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    assert context.selection.picked.nodes.tolist() == [node_named(context.profile, "bn_0")]
    qtbot.keyClick(view.canvas, Qt.Key.Key_Up)
    assert context.selection.picked.nodes.tolist() == [node_named(context.profile, "conv_0")]


def test_arrow_keys_cross_the_borders_of_open_boxes(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    last, following = (node_named(context.profile, name) for name in ("act_0", "conv_1"))
    click(qtbot, view, last)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    assert context.selection.picked.nodes.tolist() == [following]
    qtbot.keyClick(view.canvas, Qt.Key.Key_Up)
    assert context.selection.picked.nodes.tolist() == [last]


def test_backspace_folds_the_box_around(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    conv = node_named(context.profile, "conv_0")
    click(qtbot, view, conv)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Backspace)
    assert conv not in shown(view)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Return)
    assert conv in shown(view)


def test_typing_finds_and_enter_goes_on(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph", sample_profile(blocks=12))
    view.fold_all()
    qtbot.keyClick(view.canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(view.finder.field, "batch_norm")
    first = node_named(context.profile, "bn_0")
    assert context.selection.picked.nodes.tolist() == [first]
    assert first in shown(view)
    qtbot.keyClick(view.finder.field, Qt.Key.Key_Return)
    assert context.selection.picked.nodes.tolist() == [node_named(context.profile, "bn_1")]
    qtbot.keyClick(view.finder.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert context.selection.picked.nodes.tolist() == [first]
    assert view.finder.count.text() == "1 / 12"


def test_the_wheel_zooms_at_the_mouse_and_dragging_pans(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("graph")
    canvas = view.canvas
    canvas.setFocus()
    at = QPointF(200, 150)
    held = canvas.camera.to_scene(at)
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    before = canvas.scale
    QApplication.sendEvent(canvas, event)
    assert canvas.scale > before
    assert (canvas.camera.to_scene(at) - held).manhattanLength() < 1e-6
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    qtbot.mouseMove(canvas, QPoint(260, 190))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(260, 190))
    assert (canvas.camera.to_widget(held) - QPointF(260, 190)).manhattanLength() < 2


def test_keys_of_netron_zoom_and_tell_about_the_model(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    canvas, shift = view.canvas, Qt.KeyboardModifier.ShiftModifier
    before = canvas.scale
    qtbot.keyClick(canvas, Qt.Key.Key_Down, shift)
    assert canvas.scale < before
    qtbot.keyClick(canvas, Qt.Key.Key_Up, shift)
    assert canvas.scale == pytest.approx(before)
    canvas.zoom(0.5)
    qtbot.keyClick(canvas, Qt.Key.Key_Backspace, shift)
    assert canvas.scale == pytest.approx(1.0)
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    view.side.setCurrentWidget(view.notes)
    qtbot.keyClick(canvas, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert context.selection.picked.is_empty
    assert view.side.currentWidget() is view.inspector


def test_colours_follow_the_measure_and_the_legend_names_the_scale(show_view: ShowView) -> None:
    view, context = show_view("graph")
    assert "convolution" in view.legend.text()
    conv = node_named(context.profile, "conv_0")
    relu = node_named(context.profile, "act_0")
    view.bar.colour_by.setCurrentIndex(1)
    assert "490 µs" in view.legend.text()
    colours = []
    for node in (conv, relu):
        view.canvas.show_item(node)
        colours.append(colour_at(view.canvas.grab().toImage(), view, node))
    assert colours[0] == context.theme.selection
    assert colours[1] != context.theme.selection


@pytest.mark.usefixtures("in_background")
def test_a_large_graph_is_laid_out_in_the_background(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("graph", chain_profile(400))
    qtbot.waitUntil(view.is_settled)
    assert len(view.canvas.scene.boxes) > 400


@pytest.mark.usefixtures("in_background")
def test_a_view_closed_while_it_lays_out_leaves_nothing_behind(
    show_view: ShowView, qtbot: QtBot
) -> None:
    threads = threading.active_count()
    view, _ = show_view("graph", chain_profile(1500))
    assert not view.is_settled()
    view.close()
    qtbot.waitUntil(lambda: threading.active_count() <= threads)


@pytest.mark.usefixtures("in_background")
def test_a_large_box_stays_in_place_when_it_unfolds_in_the_background(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("graph", encoder_profile(300))
    hierarchy = view.canvas.model.hierarchy
    view.fold_all()
    (stack,) = [item for item in shown(view) if hierarchy.is_container(item)]
    where = place(view, stack)
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=where)
    assert not view.is_settled()
    qtbot.waitUntil(view.is_settled)
    assert len(shown(view)) > 300
    assert (place(view, stack) - where).manhattanLength() <= 2


@pytest.mark.usefixtures("in_background")
def test_many_open_boxes_are_laid_out_in_the_background(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("graph", encoder_profile(80))
    containers = view.canvas.model.hierarchy.tree.containers
    view.canvas.set_opened(frozenset(containers.tolist()))
    assert not view.is_settled()
    qtbot.waitUntil(view.is_settled)
    assert int((~view.canvas.scene.boxes.is_open).sum()) == 80 * 16 + 4


@pytest.mark.usefixtures("in_background")
def test_a_large_stage_can_follow_a_small_one(show_view: ShowView, qtbot: QtBot) -> None:
    """Nothing of the former stage is drawn while the next one is laid out."""
    small, large = encoder_profile(12), chain_profile(400)
    pool = StringPool(small.strings)
    optimised = GraphBuilder(pool, "optimised")
    for number in range(len(large.authored.nodes)):
        optimised.node(f"n{number}", "Op")
    profile = Profile("two", strings=pool.table(), graphs=(small.authored, optimised.build()))
    view, _ = show_view("graph", profile)
    view.bar.stage.setCurrentIndex(1)
    assert not shown(view)
    view.canvas.grab()
    qtbot.waitUntil(view.is_settled)
    assert len(shown(view)) == len(large.authored.nodes)
    view.bar.stage.setCurrentIndex(0)
    view.canvas.grab()
    assert 0 < len(shown(view)) < 100


@pytest.mark.usefixtures("in_background")
def test_only_the_newest_layout_counts(show_view: ShowView, qtbot: QtBot) -> None:
    threads = threading.active_count()
    view, _ = show_view("graph", encoder_profile(300))
    view.unfold_all()
    assert not view.is_settled()
    view.fold_all()
    folded = shown(view)
    assert view.is_settled()
    qtbot.waitUntil(lambda: threading.active_count() <= threads)
    assert shown(view) == folded


def test_branches_open_in_place(show_view: ShowView) -> None:
    view, context = show_view("graph", control_profile())
    assert {node_named(context.profile, "then_mul"), node_named(context.profile, "else_relu")} <= (
        shown(view)
    )


def test_picks_in_a_later_stage_reach_the_authored_nodes(show_view: ShowView, qtbot: QtBot) -> None:
    authored = sample_profile(blocks=2)
    pool = StringPool(authored.strings)
    optimised = GraphBuilder(pool, "optimised")
    conv, relu = node_named(authored, "conv_1"), node_named(authored, "act_1")
    fused = optimised.node("fused_conv_1", "FusedConv")
    for node in (conv, relu):
        optimised.origin(fused, node)
    profile = Profile(
        "two stages",
        strings=pool.table(),
        graphs=(authored.authored, optimised.build()),
    )
    view, context = show_view("graph", profile)
    assert view.bar.stage.isVisible()
    view.bar.stage.setCurrentIndex(1)
    click(qtbot, view, fused)
    assert context.selection.picked.nodes.tolist() == [conv, relu]
    context.selection.clear()
    assert not view.canvas.painter.picked
    context.selection.pick_nodes([relu])
    assert view.canvas.painter.picked == {fused}


def test_it_draws_what_it_shows(show_view: ShowView) -> None:
    """The convolution's box has the colour of its family."""
    view, context = show_view("graph")
    conv = node_named(context.profile, "conv_0")
    boxes, row = view.canvas.scene.boxes, view.canvas.scene.row_of(conv)
    corner = QPointF(boxes.right[row] - 5, boxes.bottom[row] - 4)
    inside = view.canvas.camera.to_widget(corner)
    picture = view.canvas.grab().toImage()
    ratio = picture.devicePixelRatio()
    seen = picture.pixelColor((inside * ratio).toPoint())
    assert seen.rgb() == context.theme.family_colour("aten.conv2d").rgb()


def test_a_profile_of_nothing_says_so(show_view: ShowView) -> None:
    view, _ = show_view("graph", Profile("empty"))
    assert view.is_settled()
    assert "Nothing is recorded" in view.findChild(QLabel).text()


def test_the_side_pane_leaves_room_for_the_drawing(show_view: ShowView) -> None:
    view, _ = show_view("graph")
    split = view.canvas.parentWidget()
    assert isinstance(split, SideSplit)
    for width in (1500, 700):
        view.resize(width, 500)
        assert view.canvas.width() >= 0.65 * width
    split.moveSplitter(200, 1)
    assert view.canvas.width() < 250
    view.resize(720, 500)
    assert view.canvas.width() < 350  # as the person left it


def test_the_titles_of_the_side_pane_are_whole_in_a_narrow_column(show_view: ShowView) -> None:
    view, _ = show_view("graph")
    titles = view.side.tabBar().sizeHint().width()
    view.resize(2 * titles, 500)
    assert view.side.tabBar().width() >= titles
    assert view.canvas.width() >= 0.4 * titles


def test_the_first_arrow_key_picks_what_is_seen_first(qtbot: QtBot, show_view: ShowView) -> None:
    view, context = show_view("graph")
    view.resize(1200, 800)
    assert context.selection.picked.is_empty
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    first = view.canvas.current()
    boxes = view.canvas.scene.boxes
    row = view.canvas.scene.row_of(first)
    assert boxes.top[row] == boxes.top[~boxes.is_open].min()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    assert view.canvas.current() != first
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    view.canvas.pan(0, 0.3)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Right)
    assert boxes.top[view.canvas.scene.row_of(view.canvas.current())] > boxes.top[row]


def test_boxes_have_room_for_large_letters(qtbot: QtBot, show_view: ShowView) -> None:
    view, _ = show_view("graph")
    usual = view._model
    font = QFont(view.font())
    font.setPointSizeF(2 * font.pointSizeF())
    large = StageModel(usual.profile, 0, usual.hierarchy, font)
    items = view.canvas.scene.boxes.item
    (width, height), (wide, high) = usual.sizes_of(items), large.sizes_of(items)
    lines = 2 * QFontMetricsF(font).height()
    assert (high >= lines).all()
    assert (high > height).all()
    assert (wide >= width).all()


def test_why_there_is_no_graph_is_told_of_traces_and_of_models_that_did_not_run(
    show_view: ShowView,
) -> None:
    told = []
    trace = replace(sample_profile(), graphs=())
    model = Profile("net.py", environment=Environment(framework="torch", model_name="net.py"))
    for profile in (trace, model):
        view, _ = show_view("graph", profile)
        told.append(" ".join(label.text() for label in view.findChildren(QLabel)))
    assert "a trace alone" in told[0]
    assert "not run yet" in told[1]
