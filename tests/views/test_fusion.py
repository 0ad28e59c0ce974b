"""The fusion view: what it lists and in which order, both ways of its links, and what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QTreeWidget
from pytestqt.qtbot import QtBot

from profilers.profile import Environment, Fusion, Profile, Trace
from tests.conftest import Capture
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from views.fusion import FusionView
from views.fusion.groups import Group, Member, fused_groups


def places(view: FusionView) -> dict[Group | Member, QPoint]:
    """A point inside every box that is drawn, from top to bottom."""
    found: dict[Group | Member, QPoint] = {}
    for y in range(0, view.canvas.height(), 4):
        for x in (view.canvas.width() // 5, view.canvas.width() * 4 // 5):
            thing = view.canvas.thing_at(QPointF(x, y))
            if thing is not None:
                found.setdefault(thing, QPoint(x, y + 4))
    return found


def shown_groups(view: FusionView) -> list[str]:
    return [thing.name for thing in places(view) if isinstance(thing, Group)]


def sentences(view: FusionView) -> str:
    return " ".join(label.text() for label in view.findChildren(QLabel))


def test_times_are_per_step_and_unseen_kernels_are_told_apart() -> None:
    profile = sample_profile(blocks=2, steps=3)
    assert [group.step_ns for group in fused_groups(profile)] == [450_000.0, 450_000.0]
    never_run = replace(profile, trace=Trace.empty())
    assert [group.step_ns for group in fused_groups(never_run)] == [-1.0, -1.0]


def test_every_group_is_drawn_with_its_members(show_view: ShowView) -> None:
    view, _ = show_view("fusion", sample_profile(blocks=3))
    things = places(view)
    assert shown_groups(view) == ["conv_relu_0", "conv_relu_1", "conv_relu_2"]
    members = [thing.operator for thing in things if isinstance(thing, Member)]
    assert members == ["aten.conv2d", "aten.relu"] * 3
    assert "6 operators became 3 kernels" in sentences(view)


def test_groups_are_sorted_by_time_first(
    show_view: ShowView, capture: Capture, onnx_files: Path
) -> None:
    profile = capture(onnx_files / "block.onnx", "onnxruntime")
    view, _ = show_view("fusion", profile)
    times = {group.name: group.step_ns for group in fused_groups(profile)}
    assert len(times) > 1
    assert [times[name] for name in shown_groups(view)] == sorted(times.values(), reverse=True)
    view.order.setCurrentIndex(1)
    assert shown_groups(view) == sorted(times)


def test_clicking_a_kernel_picks_its_members_and_slices(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("fusion")
    group, place = next((g, at) for g, at in places(view).items() if isinstance(g, Group))
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place)
    picked = context.selection.picked
    assert picked.groups.tolist() == [group.row]
    assert picked.nodes.tolist() == [member.node for member in group.members]
    assert len(picked.slices) > 0


def test_clicking_a_member_picks_its_node_and_empty_space_nothing(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion")
    member, place = next((m, at) for m, at in places(view).items() if isinstance(m, Member))
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert context.selection.picked.nodes.tolist() == [member.node]
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert context.selection.picked.is_empty


def test_a_pick_elsewhere_is_brought_into_sight(show_view: ShowView) -> None:
    view, context = show_view("fusion", sample_profile(blocks=60))
    scroll = view.findChild(QScrollArea)
    bar = scroll.verticalScrollBar()
    assert bar.value() == 0
    context.selection.pick_nodes([int(context.profile.fusion.members.node[-1])])
    assert 0 < bar.value() <= view.canvas.top_of(59) <= bar.value() + scroll.viewport().height()


def test_arrow_keys_walk_from_group_to_group(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("fusion")
    rows = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        qtbot.keyClick(view.canvas, key)
        rows.append(context.selection.picked.groups.tolist())
    assert rows == [[0], [1], [0]]


def test_generated_source_is_shown_for_the_picked_kernel(show_view: ShowView) -> None:
    profile = sample_profile()
    source = profile.strings.find("model.py:12")
    groups = profile.fusion.groups
    with_source = groups.source.copy()
    with_source[2] = source
    fusion = replace(profile.fusion, groups=groups.replace(source=with_source))
    view, context = show_view("fusion", replace(profile, fusion=fusion))
    pane = view.source
    assert not pane.isVisible()
    context.selection.pick_group(2)
    assert pane.isVisible()
    assert pane.toPlainText() == "model.py:12"
    context.selection.pick_group(1)
    assert not pane.isVisible()


def test_what_stayed_apart_is_listed_and_leads_to_its_node(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion")
    tree = view.findChild(QTreeWidget)
    item = tree.topLevelItem(0)
    assert [item.text(at) for at in range(3)] == ["fallback", "no kernel for this layout", "bn_0"]
    place = tree.visualItemRect(item).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    nodes = context.selection.picked.nodes
    names = context.profile.authored.nodes.name
    assert [context.profile.strings[int(names[node])] for node in nodes] == ["bn_0"]


def test_thousands_of_groups_scroll(show_view: ShowView) -> None:
    profile = sample_profile(blocks=1)
    many = profile.fusion.groups.take(np.zeros(3000, np.int64))
    view, _ = show_view("fusion", replace(profile, fusion=replace(profile.fusion, groups=many)))
    assert view.canvas.height() > 3000 * 40
    assert view.findChild(QScrollArea).verticalScrollBar().maximum() > 3000 * 30


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
    unfused = replace(sample_profile(), fusion=Fusion.empty(), environment=Environment(mode=mode))
    view, _ = show_view("fusion", unfused)
    assert sentences(view).startswith("Nothing was fused.")
    assert reason in sentences(view)


def test_a_model_that_was_not_run_says_so(show_view: ShowView) -> None:
    view, _ = show_view("fusion", Profile("preview", environment=Environment(mode="torch-eager")))
    assert "not run yet" in sentences(view)
