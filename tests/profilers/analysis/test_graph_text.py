"""Graphs as text for the clipboard."""

from profilers.analysis.graph_text import graph_text
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, Profile, StringPool
from tests.sample import sample_profile
from tests.views.graph_samples import control_profile, encoder_profile


def test_a_line_tells_name_operator_result_inputs_and_time() -> None:
    lines = graph_text(sample_profile(blocks=1)).splitlines()
    assert lines == [
        "x  input  1×16×32×32 float32",
        "blocks (Sequential):",
        "  0 (Block):",
        "    conv (Conv2d):",
        "      conv_0  aten.conv2d  1×16×32×32 float32  ← x  490 µs per step",
        "    bn (BatchNorm2d):",
        "      bn_0  aten.batch_norm  1×16×32×32 float32  ← conv_0  300 µs per step",
        "    act (ReLU):",
        "      act_0  aten.relu  1×16×32×32 float32  ← bn_0  200 µs per step",
        "y  output  ← act_0",
    ]


def test_chosen_nodes_stand_in_their_scopes_and_below_their_owner() -> None:
    assert graph_text(sample_profile(), nodes=[6, 2]).splitlines() == [
        "blocks (Sequential):",
        "  0 (Block):",
        "    bn (BatchNorm2d):",
        "      bn_0  aten.batch_norm  1×16×32×32 float32  ← conv_0  300 µs per step",
        "  1 (Block):",
        "    act (ReLU):",
        "      act_1  aten.relu  1×16×32×32 float32  ← bn_1  200 µs per step",
    ]
    profile = control_profile()
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    lines = graph_text(profile, nodes=[names.index("else_mul")]).splitlines()
    assert lines[0].startswith("branch  higher_order.cond")
    assert lines[1:] == ["  else:", "    else_mul  aten.mul  1×128×256 float32  ← x"]


def test_long_graphs_end_with_how_much_is_left_out() -> None:
    profile = encoder_profile(200)
    whole = graph_text(profile, most_lines=1_000_000).splitlines()
    for node in ("tokens", "encoder/layers/199/norm2/layer_norm", "output"):
        assert any(line.split()[0] == node for line in whole)
    short = graph_text(profile, most_lines=100).splitlines()
    assert short[:100] == whole[:100]
    assert short[100:] == [f"… {len(whole) - 100:,} more lines are left out"]
    assert graph_text(profile, most_lines=len(whole)).splitlines() == whole


def test_odd_names_keep_to_their_line_and_many_inputs_are_counted() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    feeders = [graph.node(f"a\nb{number}" + "x" * 10_000, "Op") for number in range(12)]
    node = graph.node("sum", "Add")
    for number, feeder in enumerate(feeders):
        graph.edge(feeder, node, f"t{number}")
    graph.edge(node, graph.node("y", "output"), "s", "float32", ())
    profile = Profile("odd", graphs=(graph.build(),), strings=pool.table())
    lines = graph_text(profile).splitlines()
    assert len(lines) == 14
    assert max(map(len, lines)) < 2000
    total = next(line for line in lines if line.startswith("sum"))
    assert total.startswith("sum  Add  scalar float32  ← a b0xxx")
    assert total.endswith("4 more")
    assert lines[0].split("  ")[2] == "? ?"


def test_no_nodes_give_no_text() -> None:
    assert graph_text(Profile("empty", graphs=(Graph.empty(),))) == ""
    assert graph_text(sample_profile(), nodes=[]) == ""
