"""Two graphs beside each other: what one picks, unfolds and centres, the other does too."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.profile import Profile
from tests.app.conftest import opened, settle
from tests.views.graph_samples import encoder_profile
from views.graph.view import GraphView


@pytest.fixture
def graphs(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> list[GraphView]:
    """Two encoders, of six layers and of five."""
    for layers in (6, 5):
        path = tmp_path / f"{layers}.twin"
        snapshot.write(encoder_profile(layers), path)
        opened(window, qtbot, path)
    settle(window, qtbot)
    views = [window.board.view(document, "graph") for document in window.session.documents]
    return [view for view in views if isinstance(view, GraphView)]


def titles(view: GraphView) -> set[str]:
    model = view.canvas.model
    return {model.titles.title(item) for item in view.canvas.scene.boxes.item.tolist()}


def node_named(profile: Profile, name: str) -> int:
    return [profile.strings[row] for row in profile.authored.nodes.name.tolist()].index(name)


def open_titles(view: GraphView) -> set[str]:
    return {view.canvas.model.titles.name(item) for item in view.canvas.opened}


def test_what_one_column_unfolds_the_other_unfolds_too(
    graphs: list[GraphView], window: MainWindow, qtbot: QtBot
) -> None:
    one, two = graphs
    one.fold_all()
    assert not open_titles(two) & {"layers", "layers/0"}
    stack = next(
        item
        for item in one.canvas.scene.boxes.item.tolist()
        if one.canvas.model.titles.title(item) == "layers"
    )
    one.canvas.toggle(stack)
    first = int(one.canvas.model.hierarchy.tree.children(stack)[0])
    one.canvas.toggle(first)
    settle(window, qtbot)
    assert "layers" in open_titles(two)
    assert one.canvas.model.titles.name(first) in open_titles(two)
    one.canvas.toggle(first)
    assert one.canvas.model.titles.name(first) not in open_titles(two)


def test_what_comes_into_the_middle_does_so_in_both(
    graphs: list[GraphView], window: MainWindow, qtbot: QtBot
) -> None:
    one, two = graphs
    name = "encoder/layers/3/ff/act/gelu"
    node = node_named(encoder_profile(6), name)
    one.canvas.show_picked([node], come_into_sight=True)
    one.canvas.pick(node)
    one.canvas.show_item(node)
    twin = next(iter(two.canvas.painter.picked))
    canvas = two.canvas

    def is_centred() -> bool:
        return canvas.item_at(QPointF(canvas.width() / 2, canvas.height() / 2)) == twin

    qtbot.waitUntil(is_centred)


def test_differences_are_marked_and_a_click_leads_to_them(
    graphs: list[GraphView], window: MainWindow, qtbot: QtBot
) -> None:
    one, two = graphs
    qtbot.waitUntil(lambda: one._context.counterpart.shown is not None)
    comparison = one._context.counterpart.shown
    assert comparison is not None
    rows = comparison.differences
    assert len(rows) > 0
    only_here = int(rows.a[rows.a >= 0][0])
    assert one.canvas.painter.tip(only_here)
    assert any(
        sentence in one.canvas.painter.tip(only_here)
        for sentence in comparison.sentences_of(only_here)
    )
    one.side.setCurrentWidget(one.differences)
    table = one.differences.table
    qtbot.waitUntil(lambda: table.model().rowCount() > 0)
    place = table.visualRect(table.model().index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert len(one._context.selection.picked.nodes) or len(two._context.selection.picked.nodes)
