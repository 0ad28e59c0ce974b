"""What the graph view draws beside boxes: legend, minimap, path, flags, pictures, repeats, sizes."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from profilers import compiled
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Profile, StringPool
from profilers.units import format_count
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.graph_samples import chain_profile, encoder_profile
from tests.views.test_graph import click, colour_at, node_named, place, shown
from views.graph.structure.hierarchy import ROOT
from views.graph.view import GraphView


def box_named(view: GraphView, title: str) -> int:
    """The shown item of a title."""
    model = view.canvas.model
    return next(item for item in sorted(shown(view)) if model.titles.title(item) == title)


@pytest.mark.skipif(compiled.compile_now() is None, reason="numba is not installed")
def test_the_compiled_raster_draws_as_the_painter_does(
    show_view: ShowView, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, _ = show_view("graph", sample_profile(blocks=4))
    view.unfold_all()
    view.canvas.fit()
    view.canvas.zoom(0.45 / view.canvas.scale)  # boxes and lines alone, no text
    fast = view.canvas.grab().toImage()
    monkeypatch.setattr(compiled, "loaded", lambda: None)
    slow = view.canvas.grab().toImage()
    pixels = [
        np.frombuffer(image.convertToFormat(QImage.Format.Format_RGB32).constBits(), np.uint8)
        for image in (fast, slow)
    ]
    differences = np.abs(pixels[0].astype(int) - pixels[1].astype(int))
    assert differences.max() > 0  # not one and the same way of drawing
    assert differences.mean() < 1.0
    assert (differences > 64).mean() < 0.004  # smooth edges fall a little otherwise


def test_equal_layers_are_drawn_as_one_box_that_unfolds(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("graph", encoder_profile(48))
    stack = box_named(view, "layers")
    assert view.canvas.model.titles.subtitle(stack).startswith("×48")
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=place(view, stack))
    assert len(shown(view) & set(view.canvas.model.hierarchy.tree.children(stack).tolist())) == 48


def test_the_size_follows_the_measure(show_view: ShowView) -> None:
    view, context = show_view("graph")
    conv, relu = (node_named(context.profile, name) for name in ("conv_0", "act_0"))
    boxes = view.canvas.scene.boxes

    def area(item: int) -> float:
        boxes, row = view.canvas.scene.boxes, view.canvas.scene.row_of(item)
        return float((boxes.right[row] - boxes.left[row]) * (boxes.bottom[row] - boxes.top[row]))

    before = area(conv) / area(relu)
    view.bar.size_by.setCurrentIndex(view.bar.size_by.findData("time"))
    assert view.canvas.scene.boxes is not boxes
    assert area(conv) / area(relu) > 1.5 * before
    view.bar.size_by.setCurrentIndex(0)
    assert area(conv) / area(relu) == pytest.approx(before)


@pytest.mark.parametrize(
    ("measure", "said"),
    [("total", "µs"), ("memory", "MiB"), ("flops", "M"), ("parameters", "KiB")],
)
def test_every_scale_is_named_with_its_unit(show_view: ShowView, measure: str, said: str) -> None:
    view, _ = show_view("graph")
    view.bar.colour_by.setCurrentIndex(view.bar.colour_by.findData(measure))
    assert said in view.legend.text()


@pytest.mark.parametrize(
    ("measure", "said"), [("dtype", "float32"), ("device", "GPU 0"), ("fusion", "conv_relu_0")]
)
def test_every_kind_of_colour_is_told_in_words(
    show_view: ShowView, measure: str, said: str
) -> None:
    view, context = show_view("graph")
    view.bar.colour_by.setCurrentIndex(view.bar.colour_by.findData(measure))
    assert said in view.legend.text()
    conv = node_named(context.profile, "conv_0")
    assert colour_at(view.canvas.grab().toImage(), view, conv) != context.theme.raised


def test_a_folded_box_adds_up_what_is_in_it(show_view: ShowView) -> None:
    view, context = show_view("graph")
    painter, tree = view.canvas.painter, view.canvas.model.hierarchy.tree
    view.bar.colour_by.setCurrentIndex(view.bar.colour_by.findData("flops"))
    (blocks,) = [item for item in tree.children(ROOT).tolist() if tree.child_count(item)]
    flops = context.profile.authored.nodes.flops
    assert format_count(int(flops[flops > 0].sum()), "FLOPs") in painter.tip(blocks)


def test_in_a_narrow_pane_the_legend_takes_more_lines(show_view: ShowView) -> None:
    view, _ = show_view("graph")
    legend = view.legend
    assert legend.height() == legend.heightForWidth(legend.width())
    assert legend.heightForWidth(60) > legend.height()
    view.bar.colour_by.setCurrentIndex(view.bar.colour_by.findData("flops"))
    assert legend.heightForWidth(60) == 2 * legend.heightForWidth(900)  # the scale, and its note


def test_the_minimap_shows_where_one_is_and_leads_elsewhere(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("graph", chain_profile(300))
    qtbot.waitUntil(view.is_settled)
    assert view.minimap.isVisible()
    before = view.canvas.camera.viewport().top
    bottom = QPoint(view.minimap.width() // 2, view.minimap.height() - 4)
    qtbot.mousePress(view.minimap, Qt.MouseButton.LeftButton, pos=bottom)
    assert view.canvas.camera.viewport().top > before + view.canvas.scene.height / 2
    picture = view.minimap.grab().toImage()
    assert picture.pixelColor(bottom) != picture.pixelColor(bottom.x(), 3)
    view.canvas.fit()
    assert not view.minimap.isVisible()


def test_the_path_leads_out(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    click(qtbot, view, node_named(context.profile, "conv_0"))
    assert [part in view.path.text() for part in ("whole graph", "blocks", "conv2d")] == [True] * 3
    hierarchy = view.canvas.model.hierarchy
    outer = hierarchy.ancestors(node_named(context.profile, "conv_0"))[-1]
    view.path.linkActivated.emit(str(outer))
    assert set(context.selection.picked.nodes.tolist()) == set(hierarchy.nodes_in(outer).tolist())


def problem_profile() -> Profile:
    pool = StringPool()
    graph = GraphBuilder(pool)
    first = graph.node("first", "Conv")
    second = graph.node("second", "MyOp")
    graph.edge(first, second, "t")
    graph.problem(second, "The operator custom.MyOp is not known.")
    return Profile("odd", graphs=(graph.build(),), strings=pool.table())


def test_a_problem_is_marked_on_its_node_and_told(show_view: ShowView) -> None:
    view, context = show_view("graph", problem_profile())
    second = node_named(context.profile, "second")
    assert "custom.MyOp is not known" in view.canvas.painter.tip(second)
    boxes, row = view.canvas.scene.boxes, view.canvas.scene.row_of(second)
    corner = view.canvas.camera.to_widget(QPointF(boxes.right[row], boxes.top[row])).toPoint()
    picture = view.canvas.grab().toImage()
    near = {
        picture.pixelColor(corner + QPoint(x, y)).name()
        for x in range(-8, 6)
        for y in range(-6, 10)
    }
    assert context.theme.error.name() in near


def test_the_whole_graph_is_saved_as_svg_and_png(
    show_view: ShowView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, _ = show_view("graph", encoder_profile(2))
    view.unfold_all()
    canvas = view.canvas
    for name in ("graph.svg", "graph.png"):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_, name=name: (str(tmp_path / name), "")
        )
        picture = next(
            action.menu()
            for action in view.menu.built(ROOT).actions()
            if action.text() == "Picture"
        )
        picture.actions()[-1].trigger()
    text = (tmp_path / "graph.svg").read_text()
    assert text.count("softmax") >= 2
    assert "linear" in text
    picture = QImage(str(tmp_path / "graph.png"))
    assert picture.height() == pytest.approx(2 * (canvas.scene.height + 32), abs=4)


def test_what_is_in_sight_is_copied_as_a_picture(show_view: ShowView) -> None:
    view, context = show_view("graph")
    menu = view.menu.built(ROOT)
    picture = next(action.menu() for action in menu.actions() if action.text() == "Picture")
    picture.actions()[0].trigger()
    copied = QGuiApplication.clipboard().image()
    assert copied.width() == 2 * view.canvas.width()
    conv = node_named(context.profile, "conv_0")
    small = copied.scaled(view.canvas.size())
    fill = context.theme.family_colour("aten.conv2d")
    seen = colour_at(small, view, conv)
    assert abs(seen.hue() - fill.hue()) < 8
    menu.deleteLater()


def test_the_menu_unfolds_all_inside_and_copies_the_name(show_view: ShowView) -> None:
    view, _ = show_view("graph", encoder_profile(3))
    view.fold_all()
    stack = box_named(view, "layers")
    menu = view.menu.built(stack)
    by_text = {action.text(): action for action in menu.actions()}
    by_text["Unfold all inside"].trigger()
    assert len(shown(view)) > 3 * 16
    by_text["Copy name"].trigger()
    assert QGuiApplication.clipboard().text() == "layers"
    menu.deleteLater()


def test_control_click_adds_to_what_is_picked(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    one, two = (node_named(context.profile, name) for name in ("conv_0", "bn_0"))
    click(qtbot, view, one)
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, control, pos=place(view, two))
    assert context.selection.picked.nodes.tolist() == sorted([one, two])
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, control, pos=place(view, one))
    assert context.selection.picked.nodes.tolist() == [two]
    qtbot.mouseMove(view.canvas)


def test_names_of_ten_thousand_characters_are_cut(show_view: ShowView) -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    scope = graph.scope([("s" * 10_000, "C" * 10_000)])
    first = graph.node("n" * 10_000, "Op" * 5_000, scope=scope)
    second = graph.node("m" * 10_000, "Op" * 5_000, scope=scope)
    graph.edge(first, second, "t" * 10_000)
    view, _ = show_view("graph", Profile("long", graphs=(graph.build(),), strings=pool.table()))
    view.unfold_all()
    assert view.canvas.scene.width < 400
    assert len(view.legend.text()) < 200
    assert all(len(line) <= 300 for line in view.canvas.painter.tip(first).splitlines())
    view.canvas.grab()


def test_flat_shows_all_nodes_without_scopes(show_view: ShowView) -> None:
    profile = encoder_profile(2)
    view, context = show_view("graph", profile)
    view.bar.flat.click()
    assert shown(view) == set(range(len(profile.authored.nodes)))
    context.selection.pick_nodes([7])
    assert view.canvas.painter.picked == {7}
    view.bar.flat.click()
    assert shown(view) != set(range(len(profile.authored.nodes)))


def test_an_edge_tells_its_tensor(show_view: ShowView) -> None:
    view, _ = show_view("graph")
    scene = view.canvas.scene
    line = int(np.flatnonzero(scene.lines.target == node_named(sample_profile(), "bn_0"))[0])
    x, y = scene.lines.route(line).mean(axis=0).tolist()
    tip = view.canvas.tip_at(view.canvas.camera.to_widget(QPointF(x, y)))
    assert tip == "t1  float32 1×16×32×32  64 KiB"


def test_repeats_have_equal_layouts_whatever_their_names(show_view: ShowView) -> None:
    view, _ = show_view("graph", encoder_profile(12))
    view.unfold_all()
    hierarchy, boxes = view.canvas.model.hierarchy, view.canvas.scene.boxes
    (stack,) = np.flatnonzero(hierarchy.repeats).tolist()
    inner = []
    for layer in hierarchy.tree.children(stack).tolist():
        rows = [view.canvas.scene.row_of(item) for item in hierarchy.tree.inside(layer).tolist()]
        left, top = boxes.left[rows[0]], boxes.top[rows[0]]
        inner.append({(round(boxes.left[row] - left), round(boxes.top[row] - top)) for row in rows})
    assert all(each == inner[0] for each in inner)


def test_the_title_of_an_open_box_stays_in_sight_at_its_left_end(show_view: ShowView) -> None:
    view, _ = show_view("graph", encoder_profile(4))
    view.unfold_all()
    canvas, boxes = view.canvas, view.canvas.scene.boxes
    open_rows = np.flatnonzero(boxes.is_open)
    row = max(open_rows.tolist(), key=lambda each: boxes.right[each] - boxes.left[each])
    left, right, top = (float(edge[row]) for edge in (boxes.left, boxes.right, boxes.top))
    canvas.zoom(1 / canvas.scale)

    def title(beyond: float) -> np.ndarray:
        """Which pixels have ink where the title is, with so much of the box left of the picture."""
        canvas.camera.centre(QPointF(left + beyond + canvas.width() / 2, top + 50))
        canvas.update()
        image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        y = round(canvas.camera.to_widget(QPointF(left, top)).y())
        width = min(round(right - left - beyond), 70)
        rows = [
            [image.pixelColor(x, y + line).lightness() for x in range(4, width)]
            for line in range(4, 18)
        ]
        pixels = np.array(rows)
        return np.abs(pixels - np.median(pixels)) > 60

    assert right - left > 220
    assert title(0).sum() > 20
    assert title(120).sum() > 20  # of a box whose first 120 pixels are out of the picture
