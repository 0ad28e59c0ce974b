"""The fusion view: what it lists and in which order, both ways of its links, and what it says."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from profilers.profile import Environment, Fusion, FusionMembers, Profile, StringPool, Trace
from tests.conftest import Capture
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.test_difference_list import comparison
from views.column_table import ColumnTable
from views.counterpart import Comparison
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


def test_kernels_that_never_ran_are_told_in_the_sum(show_view: ShowView) -> None:
    profile = sample_profile(blocks=2)
    slices = profile.trace.slices
    unseen = replace(slices, group=np.full(len(slices), -1, np.int32))
    view, _ = show_view("fusion", replace(profile, trace=replace(profile.trace, slices=unseen)))
    assert "none was seen running in the profiled steps" in sentences(view)
    first_alone = replace(slices, group=np.where(slices.group == 0, 0, -1).astype(np.int32))
    some = replace(profile, trace=replace(profile.trace, slices=first_alone))
    view, _ = show_view("fusion", some)
    assert "1 not seen running" in sentences(view)


def test_every_group_is_drawn_with_its_members(show_view: ShowView) -> None:
    view, _ = show_view("fusion", sample_profile(blocks=3))
    things = places(view)
    assert shown_groups(view) == ["conv_relu_0", "conv_relu_1", "conv_relu_2"]
    members = [thing.operator for thing in things if isinstance(thing, Member)]
    assert members == ["aten.conv2d", "aten.relu"] * 3
    assert "6 operators became 3 kernels" in sentences(view)


def test_boxes_are_as_high_as_the_font_asks_for(show_view: ShowView) -> None:
    usual = QApplication.font()
    large = QFont(usual)
    large.setPointSize(24)
    QApplication.setFont(large)
    try:
        view, _ = show_view("fusion", sample_profile(blocks=2))
    finally:
        QApplication.setFont(usual)
    first, second = sorted(view.canvas.top_of(group) for group in range(2))
    assert second - first > 3 * QFontMetrics(large).height()


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


def with_source(profile: Profile, group: int) -> Profile:
    """The sample with two lines of source for one group."""
    pool = StringPool(profile.strings)
    sources = profile.fusion.groups.source.copy()
    sources[group] = pool.add("#include <omp>\nvoid kernel() {}")
    groups = profile.fusion.groups.replace(source=sources)
    return replace(profile, fusion=replace(profile.fusion, groups=groups), strings=pool.table())


def test_a_double_click_shows_the_generated_source_with_line_numbers(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion", with_source(sample_profile(), 2))
    assert not view.source.isVisible()
    group, place = [(g, at) for g, at in places(view).items() if isinstance(g, Group)][2]
    assert group.row == 2
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert view.source.isVisible()
    assert view.source.toPlainText() == "#include <omp>\nvoid kernel() {}"
    assert view.source.viewportMargins().left() == view.source.number_width > 0
    context.selection.pick_group(1)
    assert "no generated source" in view.source.toPlainText()
    qtbot.mouseClick(view.source_button, Qt.MouseButton.LeftButton)
    assert not view.source.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_F4])
def test_a_key_shows_the_source_of_the_picked_kernel(
    show_view: ShowView, qtbot: QtBot, key: Qt.Key
) -> None:
    view, context = show_view("fusion", with_source(sample_profile(), 2))
    qtbot.keyClick(view.canvas, key)
    assert not view.source.isVisible()
    context.selection.pick_group(2)
    qtbot.keyClick(view.canvas, key)
    assert view.source.isVisible()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert context.selection.picked.is_empty


def test_profiles_without_source_offer_none(show_view: ShowView) -> None:
    view, _ = show_view("fusion")
    assert not view.source_button.isVisible()


def table_texts(table: ColumnTable, column: int) -> list[str]:
    model = table.columns
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_what_stayed_apart_is_listed_and_leads_to_its_node(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion")
    view.pages.setCurrentWidget(view.breaks)
    table = view.breaks.table
    row = [table_texts(table, column)[0] for column in range(4)]
    assert row == ["fallback", "", "bn_0", "no kernel for this layout"]
    place = table.visualRect(table.columns.index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    nodes = context.selection.picked.nodes
    names = context.profile.authored.nodes.name
    assert [context.profile.strings[int(names[node])] for node in nodes] == ["bn_0"]
    assert view.breaks.reason.isVisible()
    assert view.breaks.reason.text() == "no kernel for this layout"


def test_in_a_narrow_pane_the_reason_ends_in_sight(show_view: ShowView) -> None:
    profile = sample_profile()
    long = profile.strings.find("no kernel for this layout")
    strings = list(profile.strings)
    strings[long] += " or any that it could be brought into" * 4
    view, _ = show_view("fusion", replace(profile, strings=type(profile.strings)(strings)))
    view.pages.setCurrentWidget(view.breaks)
    view.resize(460, 400)
    table = view.breaks.table
    place = table.visualRect(table.columns.index(0, 3))
    assert place.width() > 60
    assert place.right() <= table.viewport().width()
    told = table.columns.index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert told == strings[long]


def test_the_list_of_what_stayed_apart_is_filtered(show_view: ShowView) -> None:
    view, _ = show_view("fusion")
    view.pages.setCurrentWidget(view.breaks)
    assert [view.kind.itemText(at) for at in range(view.kind.count())] == [
        "All kinds", "fallback (1)",
    ]  # fmt: skip
    view.filter.setText("layout bn_0")
    assert view.breaks.table.columns.rowCount() == 1
    view.filter.setText("graph")
    assert view.breaks.table.columns.rowCount() == 0


def test_words_filter_kernels_by_name_operator_and_module(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("fusion", sample_profile(blocks=12))
    qtbot.keyClicks(view.filter, "blocks.1 conv2d")
    assert shown_groups(view) == ["conv_relu_1", "conv_relu_10", "conv_relu_11"]
    view.pages.setCurrentWidget(view.table)
    assert set(table_texts(view.table, 0)) == {"conv_relu_1", "conv_relu_10", "conv_relu_11"}
    assert sentences(view).startswith("6 operators became 3 kernels")
    view.filter.setText("softmax")
    assert view.table.columns.rowCount() == 0


def test_kernels_of_a_backward_say_so_and_are_found_by_it(
    show_view: ShowView, qtbot: QtBot
) -> None:
    profile = sample_profile(blocks=3)
    stages = (replace(profile.authored, stage=name) for name in ("made", "made backward"))
    groups = profile.fusion.groups.replace(stage=np.array([1, 1, 2]))
    trained = replace(
        profile,
        graphs=(profile.authored, *stages),
        fusion=replace(profile.fusion, groups=groups),
    )
    view, _ = show_view("fusion", trained)
    headings = [group.heading for group in fused_groups(trained)]
    kind = headings[0]
    assert headings == [kind, kind, f"{kind}  ·  backward"]
    qtbot.keyClicks(view.filter, "backward")
    assert shown_groups(view) == ["conv_relu_2"]
    view.pages.setCurrentWidget(view.table)
    assert any("backward" in text for text in table_texts(view.table, 3))


def test_a_row_of_the_table_picks_its_kernel_and_follows_picks(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("fusion")
    view.pages.setCurrentWidget(view.table)
    names = table_texts(view.table, 0)
    place = view.table.visualRect(view.table.columns.index(1, 0)).center()
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    (group,) = context.selection.picked.groups.tolist()
    groups = context.profile.fusion.groups
    assert context.profile.strings[int(groups.name[group])] == names[1]
    context.selection.pick_group(3)
    assert view.table.picked_rows() == [3]


def test_long_groups_fold_their_members(show_view: ShowView) -> None:
    profile = sample_profile(blocks=30)
    nodes = profile.fusion.members.node
    members = FusionMembers.of(group=np.zeros(len(nodes), np.int32), node=nodes)
    view, _ = show_view("fusion", replace(profile, fusion=replace(profile.fusion, members=members)))
    drawn = [thing for thing in places(view) if isinstance(thing, Member)]
    assert len(drawn) == 10
    assert drawn[0].scope == "blocks.0.conv"


def beside(profile: Profile, other: Profile, mode: str, title: str = "other") -> Comparison:
    environment = replace(other.environment, mode=mode)
    return comparison(profile, replace(other, environment=environment), [], title)


def test_another_column_tells_what_fusing_saved(show_view: ShowView) -> None:
    profile = sample_profile(blocks=2)
    apart = replace(profile, fusion=Fusion.empty())
    view, context = show_view("fusion", profile)
    assert "saved" not in sentences(view)
    context.counterpart.set_comparisons([beside(profile, apart, "torch-eager", "B")])
    # in the sample a convolution's kernel takes 450 µs and an activation's 100 µs
    assert "one by one 1.1 ms in B (torch-eager): 200 µs saved (18.2 %)" in sentences(view)
    assert table_texts(view.table, 4) == ["100 µs", "100 µs"]
    assert view.order.findData("saved") > 0
    context.counterpart.set_comparisons([])
    assert "saved" not in sentences(view)
    assert view.order.findData("saved") == -1


def test_what_was_saved_is_told_of_how_many_kernels(show_view: ShowView) -> None:
    """Where the other column fused some of them itself."""
    profile = sample_profile(blocks=2)
    groups, members = profile.fusion.groups, profile.fusion.members
    first = Fusion(
        groups.take(np.array([0])), members.take(members.group == 0), Fusion.empty().breaks
    )
    view, context = show_view("fusion", profile)
    apart = replace(profile, fusion=first)
    context.counterpart.set_comparisons([beside(profile, apart, "torchscript", "B")])
    assert "1 of them one by one 550 µs in B (torchscript)" in sentences(view)


@pytest.mark.parametrize(
    ("fuser", "reason"), [("nnc", "NNC was on"), ("default", "is off on the CPU")]
)
def test_torchscript_without_groups_says_whether_its_fuser_was_on(
    show_view: ShowView, fuser: str, reason: str
) -> None:
    environment = replace(
        sample_profile().environment, mode="torchscript", request={"options": {"fuser": fuser}}
    )
    profile = replace(sample_profile(), fusion=Fusion.empty(), environment=environment)
    view, _ = show_view("fusion", profile)
    assert reason in sentences(view)


def test_what_was_saved_is_told_of_forward_and_backward(
    show_view: ShowView, qtbot: QtBot, rotary: Callable[[str, str], Profile]
) -> None:
    fused, eager = (rotary(mode, "training") for mode in ("torch-compile", "torch-eager"))
    view, context = show_view("fusion", fused)
    context.counterpart.set_comparisons([beside(fused, eager, "torch-eager", "B")])
    assert re.search(
        r"forward \S+ \S+ (saved|slower), backward \S+ \S+ (saved|slower)", sentences(view)
    )
    qtbot.keyClicks(view.filter, "backward")
    assert "one by one" in sentences(view)
    assert "forward " not in sentences(view).partition("one by one")[2]


def test_a_column_that_ran_operator_by_operator_is_preferred(show_view: ShowView) -> None:
    profile = sample_profile(blocks=2)
    apart = replace(profile, fusion=Fusion.empty())
    view, context = show_view("fusion", profile)
    context.counterpart.set_comparisons(
        [beside(profile, profile, "torch-compile", "B"), beside(profile, apart, "torch-eager", "C")]
    )
    assert "in C (torch-eager)" in sentences(view)
    assert view.against.isVisible()
    view.against.setCurrentText("B")
    view.against.activated.emit(view.against.currentIndex())
    assert "one by one" not in sentences(view)  # what is fused there has no times of its own


def test_another_model_says_nothing_about_savings(show_view: ShowView) -> None:
    profile = sample_profile(blocks=2)
    view, context = show_view("fusion", profile)
    other = sample_profile(blocks=40)
    context.counterpart.set_comparisons([beside(profile, other, "torch-eager")])
    assert "one by one" not in sentences(view)


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
    view, _ = show_view("fusion", Profile("preview", environment=Environment(model_name="net.pt")))
    assert "not run yet" in sentences(view)
