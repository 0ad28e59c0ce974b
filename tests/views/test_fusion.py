"""The fusion view: ties, order, both ways of its links, and why nothing was fused."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QTreeWidget
from pytestqt.qtbot import QtBot

from profilers.profile import Environment, Fusion, FusionGroups, FusionMembers, Profile, StringPool
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from views.fusion.groups import fused_groups


def with_source(profile: Profile, text: str) -> Profile:
    """The second group has generated source."""
    pool = StringPool(profile.strings)
    groups = profile.fusion.groups
    source = groups.source.copy()
    source[1] = pool.add(text)
    return replace(
        profile,
        strings=pool.table(),
        fusion=replace(profile.fusion, groups=groups.replace(source=source)),
    )


def test_groups_have_their_members_and_time_per_step() -> None:
    groups = fused_groups(sample_profile(blocks=3, steps=2))
    assert [group.name for group in groups] == ["conv_relu_0", "conv_relu_1", "conv_relu_2"]
    assert [member.operator for member in groups[0].members] == ["aten.conv2d", "aten.relu"]
    assert groups[0].step_ns == 450_000.0


def test_a_click_on_a_group_picks_its_members_and_on_a_member_the_node(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion")
    canvas = view.canvas
    block = canvas._blocks[1]
    at = canvas._group_box(block).center().toPoint()
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    picked = context.selection.picked
    assert picked.focus == ("group", block.group.row)
    assert picked.nodes.tolist() == [member.node for member in block.group.members]
    at = canvas._member_box(block, 1).center().toPoint()
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert context.selection.picked.nodes.tolist() == [block.group.members[1].node]
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    assert context.selection.picked.focus == ("group", canvas._blocks[2].group.row)


def test_groups_are_ordered_by_time_or_name(show_view: ShowView) -> None:
    profile = sample_profile(blocks=3)
    slices = profile.trace.slices
    longer = slices.duration_ns + (slices.group == 2) * 1000
    profile = replace(
        profile, trace=replace(profile.trace, slices=slices.replace(duration_ns=longer))
    )
    view, _ = show_view("fusion", profile)
    assert [block.group.row for block in view.canvas._blocks] == [2, 0, 1]
    view.order.setCurrentIndex(1)
    assert [block.group.row for block in view.canvas._blocks] == [0, 1, 2]


def test_a_node_picked_elsewhere_scrolls_to_its_group_and_shows_the_source(
    show_view: ShowView,
) -> None:
    view, context = show_view("fusion", with_source(sample_profile(blocks=40), "void k() {}"))
    source = view.findChild(QPlainTextEdit)
    assert not source.isVisible()
    last = context.profile.fusion.members.node[-1]
    context.selection.pick_nodes([int(last)])
    assert view._scroll.verticalScrollBar().value() > 0
    assert not source.isVisible()
    context.selection.pick_group(1)
    assert source.isVisible()
    assert source.toPlainText() == "void k() {}"


def test_what_stayed_apart_is_listed_and_picks_its_node(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("fusion")
    breaks = view.findChild(QTreeWidget)
    item = breaks.topLevelItem(0)
    assert [item.text(column) for column in range(3)] == [
        "fallback",
        "no kernel for this layout",
        "bn_0",
    ]
    where = breaks.visualItemRect(item).center()
    qtbot.mouseClick(breaks.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert context.selection.picked.nodes.tolist() == [context.profile.fusion.breaks.node[0]]


def test_thousands_of_groups_scroll(show_view: ShowView) -> None:
    profile = sample_profile(blocks=1)
    groups = profile.fusion.groups.take([0] * 3000)
    view, _ = show_view(
        "fusion",
        replace(profile, fusion=replace(profile.fusion, groups=groups)),
    )
    assert view.canvas.height() > 3000 * 40
    assert view._scroll.verticalScrollBar().maximum() > 0
    assert not view.canvas.grab().isNull()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("torch-eager", "no compiler"),
        ("torch-export", "operator by operator"),
        ("tf-graph", "Grappler"),
        ("keras", "Grappler"),
        ("onnxruntime", "ONNX Runtime"),
    ],
)
def test_where_nothing_was_fused_it_says_why(show_view: ShowView, mode: str, reason: str) -> None:
    profile = sample_profile()
    fusion = Fusion(FusionGroups.empty(), FusionMembers.empty(), profile.fusion.breaks.take([]))
    view, _ = show_view(
        "fusion", replace(profile, fusion=fusion, environment=Environment(mode=mode))
    )
    (text,) = [label.text() for label in view.findChildren(QLabel)]
    assert text.startswith("Nothing was fused.")
    assert reason in text


def test_a_model_that_was_not_run_says_so(show_view: ShowView) -> None:
    view, _ = show_view("fusion", Profile("inspected"))
    assert "not run" in view.findChild(QLabel).text()
