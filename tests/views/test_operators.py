"""The operators table: what it sums, how it filters, and both ways of its links."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Environment, Profile
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from views.operators import OperatorsView


def cells(view: OperatorsView, column: int) -> list[str]:
    model = view.table.columns
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_times_are_per_step_and_the_longest_comes_first(show_view: ShowView) -> None:
    view, _ = show_view("operators", sample_profile(blocks=4, steps=3))
    assert cells(view, 0) == ["aten::conv2d", "aten::batch_norm", "aten::relu"]
    assert cells(view, 2) == ["1.96 ms", "1.2 ms", "800 µs"]
    assert cells(view, 4) == ["4", "4", "4"]


def test_typing_filters_and_clearing_shows_all_again(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("operators")
    qtbot.keyClicks(view.filter, "NORM")
    assert cells(view, 0) == ["aten::batch_norm"]
    view.filter.clear()
    assert len(cells(view, 0)) == 3


def test_clicking_a_row_picks_its_nodes_slices_and_groups(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("operators")
    index = view.table.columns.index(0, 0)
    qtbot.mouseClick(
        view.table.viewport(),
        Qt.MouseButton.LeftButton,
        pos=view.table.visualRect(index).center(),
    )
    picked = context.selection.picked
    names = {
        context.profile.strings[row]
        for row in context.profile.authored.nodes.name[picked.nodes].tolist()
    }
    assert {"conv_0", "conv_1", "conv_2", "conv_3"} <= names
    assert len(picked.groups) == 4
    assert view.table.picked_rows() == [view.table.columns.row_at(index)]


def test_a_node_picked_elsewhere_is_selected_here(show_view: ShowView) -> None:
    view, context = show_view("operators")
    view.grouping.setCurrentIndex(1)
    nodes = context.profile.authored.nodes.name.tolist()
    wanted = [context.profile.strings[row] for row in nodes].index("bn_2")
    context.selection.pick_nodes([wanted])
    rows = view.table.picked_rows()
    assert len(rows) == 1
    model = view.table.columns
    assert "bn_2" in str(model.index(model.indexes_of(rows)[0].row(), 0).data())


def test_kernels_are_grouped_too(show_view: ShowView) -> None:
    view, _ = show_view("operators")
    view.grouping.setCurrentIndex(2)
    assert set(cells(view, 0)) == {"conv2d_kernel", "batch_norm_kernel", "relu_kernel"}


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        (Profile("inspected", environment=Environment(model_name="net.onnx")), "not run yet"),
        (Profile("attached"), "Nothing is recorded"),
    ],
)
def test_a_profile_without_operators_says_why(
    show_view: ShowView, profile: Profile, sentence: str
) -> None:
    view, _ = show_view("operators", profile)
    assert not view.table.isVisible()
    assert any(sentence in label.text() for label in view.findChildren(QLabel))


def test_weights_are_listed_and_linked(show_view: ShowView) -> None:
    view, context = show_view("operators", sample_profile(blocks=2))
    view.grouping.setCurrentIndex(3)
    assert cells(view, 0) == ["blocks.0.conv.weight", "blocks.1.conv.weight"]
    assert cells(view, 1) == ["9 KiB", "9 KiB"]
    assert cells(view, 3) == ["16 × 16 × 3 × 3"] * 2
    view.table.selectRow(1)
    names = context.profile.authored.nodes.name[context.selection.picked.nodes].tolist()
    assert [context.profile.strings[row] for row in names] == ["conv_1"]


def test_a_model_that_was_not_run_shows_its_weights(show_view: ShowView, torch_files: Path) -> None:
    opened = open_path(torch_files / "cnn_state.pt")
    assert isinstance(opened, ModelFile)
    view, _ = show_view("operators", opened.preview)
    assert view.grouping.currentData() == "parameter"
    assert "stem.0.weight" in cells(view, 0)
    assert cells(view, 0)[0] == "body.0.weight"  # the largest
