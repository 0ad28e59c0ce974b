"""The inspector tells what is known of a node, in sections that fold."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from profilers.graphs.builder import GraphBuilder
from profilers.profile import JsonText, Profile, StringPool
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.test_graph import inspected, node_named
from views.graph.inspector import NodeInspector
from views.graph.inspector.bar_chart import BarChart


def sections(inspector: NodeInspector) -> dict[str, list[tuple[str, str]]]:
    found = {}
    for at in range(inspector.topLevelItemCount()):
        top = inspector.topLevelItem(at)
        lines = [top.child(row) for row in range(top.childCount())]
        found[top.text(0)] = [(line.text(0), line.text(1)) for line in lines]
    return found


def with_statistics(**figures: object) -> Profile:
    """The sample, with these figures of its first parameter."""
    profile = sample_profile()
    rows = [figures, *[None] * (len(profile.authored.parameters) - 1)]
    graph = replace(profile.authored, parameter_statistics=JsonText.from_objects(rows))
    return replace(profile, graphs=(graph,))


def test_time_kernels_memory_and_fusion_of_a_node(show_view: ShowView) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    found = sections(view.inspector)
    timing = dict(found["Timing"])
    assert timing["Self time per step"] == "490 µs"
    assert timing["Share of the step"] == "12.4 %"
    assert timing["Fastest, slowest"] == "490 µs, 490 µs"
    assert found["Kernels"] == [("conv2d_kernel", "450 µs × 1\nfused, stream 7")]
    assert found["Fused into"] == [("conv_relu_0", "with act_0")]
    assert found["Memory"][0][0] == "Activation"
    assert found["Memory"][0][1].startswith("3 MiB  ·  3 blocks")
    assert dict(found["Outputs"])["t1"].endswith("to bn_0")
    assert dict(found["Inputs"])["t0"].endswith("from x")


def test_the_chart_over_steps_is_drawn(show_view: ShowView) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    (chart,) = view.inspector.findChildren(BarChart)
    assert "3 steps" in chart.toolTip()
    picture = chart.grab().toImage()
    assert picture.pixelColor(4, 20).rgb() == context.theme.accent.rgb()


def test_statistics_and_histogram_of_weights(show_view: ShowView) -> None:
    view, context = show_view(
        "graph",
        with_statistics(
            count=2304, zeros=23, nan=2, infinite=0, minimum=-1.5, maximum=2.0, mean=0.25,
            standard_deviation=0.5, histogram=[1, 4, 2],
        ),
    )  # fmt: skip
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    told = dict(sections(view.inspector)["Parameters"])
    assert told["range"] == "-1.5 … 2"
    assert told["mean ± deviation"] == "0.25 ± 0.5"
    assert told["zeros"] == "23  ·  1.0%"
    assert told["NaN"] == "2 of 2,304 values"
    assert len(view.inspector.findChildren(BarChart)) == 2


@pytest.mark.parametrize(
    "figures",
    [
        {"count": "many"},
        {"count": 5, "minimum": None, "maximum": 3, "histogram": [1]},
        {"count": 5, "minimum": 1, "maximum": 3, "histogram": ["x"], "mean": []},
        {"count": 5, "sampled": -1, "nan": {}},
    ],
)
def test_damaged_statistics_do_not_break_the_rest(
    show_view: ShowView, figures: dict[str, object]
) -> None:
    view, context = show_view("graph", with_statistics(**figures))
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    assert "blocks.0.conv.weight" in dict(sections(view.inspector)["Parameters"])


def test_sections_stay_folded(show_view: ShowView) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    titles = list(sections(view.inspector))
    view.inspector.topLevelItem(titles.index("Memory")).setExpanded(False)
    context.selection.pick_nodes([node_named(context.profile, "conv_1")])
    titles = list(sections(view.inspector))
    assert not view.inspector.topLevelItem(titles.index("Memory")).isExpanded()
    assert view.inspector.topLevelItem(titles.index("Timing")).isExpanded()


def test_what_is_wider_than_its_column_takes_more_lines(show_view: ShowView) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes([node_named(context.profile, "conv_1")])
    tree = view.inspector
    facts = tree.topLevelItem(list(sections(tree)).index("Timing"))
    rows = [facts.child(at) for at in range(facts.childCount())]
    (two,) = (each for each in rows if each.text(0) == "Fastest, slowest")
    tree.setColumnWidth(1, 400)
    tree.doItemsLayout()
    high = tree.visualItemRect(two).height()
    tree.setColumnWidth(1, 60)
    tree.doItemsLayout()
    assert tree.visualItemRect(two).height() > high


def test_lines_are_copied(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes([node_named(context.profile, "conv_0")])
    view.inspector.topLevelItem(0).child(0).setSelected(True)
    view.inspector.setFocus()
    qtbot.keyClick(view.inspector, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Operator\taten.conv2d"


def test_several_nodes_are_summed_with_the_heaviest_first(show_view: ShowView) -> None:
    view, context = show_view("graph")
    context.selection.pick_nodes(range(1, 7))
    found = sections(view.inspector)
    assert "6 nodes" in found
    assert found["Longest self times"][0] == ("conv_0", "490 µs")
    assert dict(found["Timing"])["Self time per step"] == "1.98 ms"


def test_problems_stand_first_and_the_summary_counts_them(show_view: ShowView) -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    node = graph.node("odd", "MyOp")
    graph.problem(node, "The operator custom.MyOp is not known.")
    view, context = show_view(
        "graph", Profile("odd", graphs=(graph.build(),), strings=pool.table())
    )
    assert inspected(view.inspector)["Problems"].startswith("1:")
    context.selection.pick_nodes([node])
    assert view.inspector.topLevelItem(0).child(0).text(0).startswith("The operator custom.MyOp")


def test_a_later_stage_names_what_it_was_made_from(show_view: ShowView) -> None:
    authored = sample_profile(blocks=1)
    pool = StringPool(authored.strings)
    optimised = GraphBuilder(pool, "optimised")
    fused = optimised.node("fused", "FusedConv")
    for name in ("conv_0", "act_0"):
        optimised.origin(fused, node_named(authored, name))
    view, _ = show_view(
        "graph",
        replace(authored, strings=pool.table(), graphs=(authored.authored, optimised.build())),
    )
    view.bar.stage.setCurrentIndex(1)
    view.canvas.pick(fused)
    found = sections(view.inspector)
    assert found["Made from"] == [("conv_0", "aten.conv2d"), ("act_0", "aten.relu")]
    assert dict(found["Timing"])["Self time per step"] == "690 µs"
