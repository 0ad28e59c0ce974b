"""What queries find, and what is said of queries that cannot be understood."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.nodes.figures import node_figures
from profilers.analysis.nodes.query import QueryError, parse
from profilers.analysis.nodes.search import NodeSearch
from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, Note, Origins, Profile, StringPool
from tests.conftest import Capture
from tests.sample import sample_profile
from tests.views.graph_samples import encoder_profile


@pytest.fixture(scope="module")
def profile() -> Profile:
    """Two blocks of convolution, normalisation and activation."""
    return sample_profile(blocks=2)


def found(profile: Profile, text: str, stage: int = 0) -> list[str]:
    rows = NodeSearch(profile, stage).rows(parse(text))
    names = profile.graphs[stage].nodes.name
    return [profile.strings[int(names[row])] for row in rows]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("conv", ["conv_0", "conv_1"]),
        ("CONV _1", ["conv_1"]),
        ("blocks/1", ["conv_1", "bn_1", "act_1"]),
        ("blocks.1", ["conv_1", "bn_1", "act_1"]),
        ("aten.relu", ["act_0", "act_1"]),
        ('"conv_1"', ["conv_1"]),
        ("name:n_", ["bn_0", "bn_1"]),
        ("op:batch", ["bn_0", "bn_1"]),
        ("op:convolution", ["conv_0", "conv_1"]),  # the kind, though no operator spells it so
        ("scope:1/act", ["act_1"]),
        ("scope:ReLU", []),
        ("module:ReLU", ["act_0", "act_1"]),
        ("kind:input or kind:output", ["x", "y"]),
        ("dtype:float16", []),
        ("dtype:float -op:aten", ["x", "y"]),
        ("shape:1x?x32x32 kind:operator _0", ["conv_0", "bn_0", "act_0"]),
        ("shape:16 kind:input", ["x"]),
        ("shape:1x16x32", []),
        ("shape:3", []),
        ("device:gpu bn", ["bn_0", "bn_1"]),
        ("device:cpu", []),
        ("source:model.py _1", ["conv_1", "bn_1", "act_1"]),
        ("has:parameter", ["conv_0", "conv_1"]),
        ("has:note", ["bn_0"]),
        ("-has:time", ["x", "y"]),
        ("fused:yes", ["conv_0", "act_0", "conv_1", "act_1"]),
        ("fused:no kind:operator", ["bn_0", "bn_1"]),
        ("fused:conv_relu_1", ["conv_1", "act_1"]),
        ("time>0.4ms", ["conv_0", "conv_1"]),
        ("time > 20%", ["conv_0", "conv_1"]),
        ("time<=200us", ["act_0", "act_1"]),
        ("time=300us", ["bn_0", "bn_1"]),
        ("memory>=1MiB _0", ["conv_0", "bn_0", "act_0"]),
        ("memory>1.1MB", []),
        ("flops>1M", ["conv_0", "conv_1"]),
        ("flops<1GFLOPs", ["conv_0", "bn_0", "conv_1", "bn_1"]),  # nothing is known of act
        ("params>2k", ["conv_0", "conv_1"]),
        ("params>2304", []),  # 16 · 16 · 3 · 3 numbers of four bytes
        ("parameters>=9KiB", ["conv_0", "conv_1"]),
        ("calls=1 bn", ["bn_0", "bn_1"]),
        ("calls>1", []),
        ("bn _0 or act _1", ["bn_0", "act_1"]),
        ("", []),
        ("   ", []),
    ],
)
def test_a_query_finds_what_it_asks_for(profile: Profile, query: str, names: list[str]) -> None:
    assert found(profile, query) == names


def test_finds_come_in_flow_order_not_in_the_order_of_rows() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    last = graph.node("last", "Relu")
    first = graph.node("first", "Relu")
    graph.edge(first, last, "t")
    profile = Profile("turned", graphs=(graph.build(),), strings=pool.table())
    assert found(profile, "relu") == ["first", "last"]


def test_any_letters_are_found_whatever_lies_beside_them() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    names = ["Größe×2", "aa", "a", "b\nc", "x" * 10_000, "", "aab", 'say "so"']
    for name in names:
        graph.node(name, "Op")
    profile = Profile("odd", graphs=(graph.build(),), strings=pool.table())
    assert found(profile, "name:GRÖ") == ["Größe×2"]
    assert found(profile, "aab") == ["aab"]
    assert found(profile, "name:a") == ["aa", "a", "aab", 'say "so"']
    assert found(profile, "xxxxx") == ["x" * 10_000]
    assert found(profile, '"b c"') == ["b\nc"]
    assert found(profile, "x" * 10_001) == []


def test_words_agree_with_python_over_many_names() -> None:
    profile = encoder_profile(40)
    names, strings = profile.authored.nodes.name, profile.strings
    for word in ("e", "q", "layers/1", "attn/q/lin", "norm2", "zzz", "r/l"):
        expected = {strings[row] for row in names.tolist() if word in strings[row]}
        assert set(found(profile, f"name:{word}")) == expected


def test_notes_of_the_moment_are_those_searched(profile: Profile) -> None:
    search = NodeSearch(profile)
    assert search.rows(parse("has:note"), noted=[1, 4]).tolist() == [1, 4]
    assert search.rows(parse("has:note"), noted=[]).tolist() == []


def test_problems_are_searched() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    graph.node("sound", "Relu")
    graph.problem(graph.node("ring", "Relu"), "It reads its own result.")
    profile = Profile("problems", graphs=(graph.build(),), strings=pool.table())
    assert found(profile, "has:problem") == ["ring"]
    assert found(profile, "-has:problem") == ["sound"]


@pytest.fixture(scope="module")
def with_stage(profile: Profile) -> Profile:
    """The same with a later stage, in which convolution and activation of a block are one node."""
    pool = StringPool(profile.strings)
    graph = GraphBuilder(pool, "optimised")
    for block in range(2):
        fused = graph.node(f"fused_{block}", "FusedConv")
        norm = graph.node(f"norm_{block}", "BatchNorm")
        graph.edge(fused, norm, f"f{block}", "float16", (1, 2))
        for authored in (1 + 3 * block, 3 + 3 * block):
            graph.origin(fused, authored)
        graph.origin(norm, 2 + 3 * block)
    return replace(profile, strings=pool.table(), graphs=(profile.authored, graph.build()))


def test_a_later_stage_is_searched_by_what_its_nodes_were_made_from(with_stage: Profile) -> None:
    assert found(with_stage, "fused:yes", 1) == ["fused_0", "fused_1"]
    assert found(with_stage, "fused:relu_1", 1) == ["fused_1"]
    assert found(with_stage, "time>=690us", 1) == ["fused_0", "fused_1"]
    assert found(with_stage, "time<400us", 1) == ["norm_0", "norm_1"]
    assert found(with_stage, "calls=2", 1) == ["fused_0", "fused_1"]
    assert found(with_stage, "has:note", 1) == ["norm_0"]
    assert found(with_stage, "device:gpu _1", 1) == ["fused_1", "norm_1"]
    assert found(with_stage, "dtype:float16 shape:1x2", 1) == found(with_stage, "n", 1)


def test_a_profile_without_nodes_finds_nothing() -> None:
    empty = Profile("empty", graphs=(Graph.empty(),))
    for query in ("conv", "op:a", "time>5%", "kind:input", "shape:1x2", "fused:yes", "-device:cpu"):
        assert found(empty, query) == []


@pytest.mark.parametrize(
    ("query", "position", "part"),
    [
        ("relu op:", 5, "Nothing follows “op:”"),
        ("kind:inp", 5, "operator, input, output, constant and control, not “inp”"),
        ("has:", 0, "one of problem, note, parameter, time"),
        ("conv time>", 10, "A number is missing"),
        ("time>5", 5, "5%, 5us, 5ms"),
        ("time>5x", 5, "no unit of time"),
        ("time>x", 5, "“x” is not a number"),
        ("memory>10xb", 7, "use B, KB"),
        ("time:5", 0, "as in time>5%"),
        ("op>5", 0, "“op” is text"),
        ("a opp:conv", 2, "did you mean “op:”"),
        ("tim>5ms", 0, "did you mean “time>”"),
        ("width>5", 0, "no figure “width”"),
        ('relu "conv', 5, "The quote is not closed"),
        ('""', 0, "nothing between"),
        ("relu -", 5, "Nothing follows the minus"),
        ("or relu", 0, "one is missing"),
        ("relu or", 5, "Nothing follows “or”"),
        ("a or or b", 5, "one is missing"),
    ],
)
def test_a_wrong_query_is_told_in_a_sentence_with_its_place(
    query: str, position: int, part: str
) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)
    assert raised.value.position == position
    assert part in raised.value.sentence
    assert raised.value.sentence.endswith(".")


def test_names_with_colons_and_signs_are_words() -> None:
    pool = StringPool()
    graph = GraphBuilder(pool)
    for name in ("aten::relu", "dense/Relu:0", "a->b", "-1"):
        graph.node(name, "Op")
    profile = Profile("colons", graphs=(graph.build(),), strings=pool.table())
    for name in ("aten::relu", "dense/Relu:0", "a->b", '"-1"'):
        assert found(profile, name) == [name.strip('"')]


def test_no_text_that_is_typed_raises_another_error(profile: Profile) -> None:
    search = NodeSearch(profile)
    pieces = [
        "op:",
        "time>",
        "5%",
        '"',
        "-",
        " or ",
        "x",
        ":",
        "=",
        " ",
        "kind:input",
        "(",
        "\\",
        "é",
    ]
    random = np.random.default_rng(7)
    for _ in range(2000):
        text = "".join(pieces[at] for at in random.integers(0, len(pieces), 6))
        search.completions(text, int(random.integers(0, len(text) + 1)))
        with suppress(QueryError):
            search.rows(parse(text))


def test_completions_replace_the_term_before_the_cursor(profile: Profile) -> None:
    search = NodeSearch(profile)
    assert search.completions("o", 1) == ["op:", "operator:"]
    assert search.completions("relu ti", 7) == ["time>"]
    assert search.completions("op:BATCH x", 8) == ["op:aten.batch_norm"]
    assert search.completions("-kind:o", 7)[:2] == ["-kind:operator", "-kind:output"]
    assert search.completions("device:g", 8) == ['device:"GPU 0"']
    assert search.completions('device:"GPU', 11) == ['device:"GPU 0"']
    assert search.completions("dtype:", 6) == ["dtype:float32"]
    assert search.completions("nothing:", 8) == []
    completed = search.completions("fused:relu_1", 12)
    assert found(profile, completed[0]) == ["conv_1", "act_1"]


def test_a_node_of_two_origins_is_found_by_a_note_on_either(profile: Profile) -> None:
    stage = replace(profile.authored, stage="same", origins=Origins.from_rows([(1, 1), (1, 2)]))
    doubled = replace(profile, graphs=(profile.authored, stage), notes=(Note(2, "a"), Note(1, "b")))
    assert found(doubled, "has:note", 1) == ["conv_0"]


def test_a_real_run_is_searched_by_what_its_nodes_took(capture: Capture, onnx_files: Path) -> None:
    profile = capture(onnx_files / "cnn.onnx", "onnxruntime")
    figures = node_figures(profile)
    search = NodeSearch(profile)
    ran = search.rows(parse("has:time"))
    assert len(ran) > 0
    slower = search.rows(parse("time>5%"))
    share = figures.time_ns / figures.time_ns[figures.time_ns >= 0].sum()
    assert sorted(slower) == np.flatnonzero(share > 0.05).tolist()
    assert set(search.rows(parse("device:cpu"))) >= set(ran)
    convolutions = found(profile, "op:conv has:parameter")
    assert convolutions
    assert convolutions == found(profile, "op:convolution params>1")
    for stage in range(1, len(profile.graphs)):
        assert len(NodeSearch(profile, stage).rows(parse("time>0ns")))
