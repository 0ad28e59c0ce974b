"""The rows of a comparison say where a difference comes from, and they add up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.comparison import compare
from profilers.analysis.comparison.call_parts import call_parts
from profilers.analysis.comparison.explained import Explanation, explained_by_graph
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.plain import plain
from profilers.analysis.comparison.rows import TOLD_APART, RowKind
from profilers.analysis.comparison.spent import has_ranges, spent_by_graph
from profilers.analysis.comparison.words import (
    explained_sentence,
    format_share,
    fusion_sentences,
)
from profilers.analysis.pairing.matching import match_graphs
from profilers.profile import Fusion, Profile, Timings
from tests.conftest import Capture
from tests.profilers.analysis.compared import MODELS, MS, assert_adds_up, with_steps
from tests.sample import sample_profile


def explained_by_graph_of(a: Profile, b: Profile) -> Explanation:
    """As they were profiled."""
    match = match_graphs(a.authored, a.strings, b.authored, b.strings)
    return explained_by_graph(a, b, match)


# Rows


def test_rows_of_a_shorter_model_name_what_only_one_side_has() -> None:
    found = compare(sample_profile(blocks=4), sample_profile(blocks=3)).explanation
    assert_adds_up(found)
    lone = [row for row in found.rows if row.kind == RowKind.ONLY_A]
    assert lone
    assert all(row.b_ns == 0 and not row.nodes[1] for row in lone)


def test_single_slow_steps_do_not_count_and_all_still_adds_up() -> None:
    sample = sample_profile(blocks=3, steps=8)
    steps = sample.steps
    late = steps.duration_ns.copy()
    late[-1] += 500 * MS  # nothing ran in it: another program had the processor
    slow = replace(sample, steps=steps.replace(duration_ns=late))
    found = compare(sample, slow).explanation
    assert_adds_up(found)
    assert found.difference_ns == 0
    assert found.profiled_ns == pytest.approx([np.sort(steps.duration_ns)[2:6].mean()] * 2)


def test_the_call_of_the_model_is_one_row_of_both_sides_apart_from_layers(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    without_ranges = capture(onnx_files / "block.onnx", "onnxruntime")
    assert has_ranges(eager)
    assert not has_ranges(without_ranges)
    found = compare(eager, without_ranges).explanation
    assert_adds_up(found)
    (call,) = (row for row in found.rows if row.kind == RowKind.CALL)
    assert call.a_ns > 0
    assert call.b_ns > 0
    assert all("not recorded" in told for told in call.operators)
    shares = found.layers_share, found.call_share, found.outside_share, found.lone_share
    assert sum(shares) == pytest.approx(1)
    assert not any(row.kind == RowKind.AROUND for row in found.rows)
    assert sum(row.kind == RowKind.BETWEEN for row in found.rows) == 1
    few = found.leading(3)
    apart = [at for at, row in enumerate(found.rows) if row.kind in TOLD_APART and row.is_any]
    assert set(apart) <= set(few)
    assert len(few) == 3


def test_what_a_trace_from_elsewhere_does_around_its_operators_is_nobodys_call(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    a = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    b = replace(capture(onnx_files / "block.onnx", "onnxruntime"), timings=Timings.empty())
    found = compare(a, b).explanation
    assert_adds_up(found)
    assert found.call_share == 0
    (around,) = (row for row in found.rows if row.kind == RowKind.AROUND)
    assert around.b_ns > 0
    assert found.matched_share <= 1 - abs(found.share(around))


def test_the_parts_of_a_call_are_told_by_the_ranges_of_the_trace(
    capture: Capture, torch_files: Path, tf_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    keras = capture(tf_files / "block.keras", "keras")
    found = compare(eager, keras).explanation
    (call,) = (row for row in found.rows if row.kind == RowKind.CALL)
    parts = call_parts(keras)
    names = {keras.strings[int(name)] for name in np.unique(keras.trace.slices.name)}
    assert "EagerCopyToDevice" in parts  # the input, on its way to the function
    assert {"EagerCopyToDevice", "inference"} <= names
    recorded_ns = sum(share.time_ns for share in parts.values())
    assert recorded_ns * found.scaled_by[1] <= call.b_ns + 1
    longest = max(parts.values(), key=lambda share: share.time_ns)
    assert call.slices[1] == longest.slice >= 0
    assert next(iter(parts)) in call.operators[1]


def test_modules_around_operators_that_both_have_belong_to_the_call(
    capture: Capture, torch_files: Path, tf_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    found = compare(eager, capture(tf_files / "block.keras", "keras")).explanation
    alone = [row for row in found.rows if row.kind in (RowKind.ONLY_A, RowKind.ONLY_B)]
    assert all(any(row.nodes) for row in alone)
    recorded_ns = sum(share.time_ns for share in spent_by_graph(eager).scopes.values())
    assert found.code_ns[0] <= found.scaled_by[0] * recorded_ns + 1


def test_a_module_that_only_one_side_runs_stays_alone_with_its_code() -> None:
    found = compare(sample_profile(blocks=4), sample_profile(blocks=3)).explanation
    (call,) = (row for row in found.rows if row.kind == RowKind.CALL)
    assert not any("code of modules" in told for told in call.operators)


def test_shares_of_mere_noise_are_not_told() -> None:
    sample = sample_profile(blocks=3, steps=8)
    generator = np.random.default_rng(1)

    def with_steps_of(mean_ms: float) -> Profile:
        return with_steps(sample, generator.normal(mean_ms, 0.05, 8) * MS)

    noise = compare(with_steps_of(9), with_steps_of(9.2))
    assert noise.explanation.is_noise
    assert "no difference beyond the noise" in explained_sentence(noise.explanation)
    told = plain(noise)["explanation"]
    assert {told["matched_share_of_difference"], told["rows"][0]["share_of_difference"]} == {None}
    assert format_share(noise.explanation, noise.explanation.rows[0]) == "–"
    surely = compare(with_steps_of(9), with_steps_of(12))
    assert not surely.explanation.is_noise
    assert "Of the difference, " in explained_sentence(surely.explanation)
    assert format_share(surely.explanation, surely.explanation.rows[0]).endswith(" %")


def test_shares_are_told_where_turns_are_sure_of_what_few_steps_only_suggest() -> None:
    sample = sample_profile(blocks=3, steps=4)
    a, b = (with_steps(sample, np.array(each) * MS) for each in ([5, 9, 9, 20], [6, 12, 12, 30]))
    assert compare(a, b).explanation.is_noise
    turns = np.random.default_rng(2).normal(1, 0.01, (2, 16))
    sure = Rounds(9 * MS * turns[0], 12 * MS * turns[1])
    found = compare(a, b, rounds=sure)
    assert not found.explanation.is_noise
    assert_adds_up(found.explanation)
    assert found.latency is not None
    assert (found.explanation.a_ns, found.explanation.b_ns) == (found.latency.a, found.latency.b)


def test_one_step_of_each_differs_where_runs_of_one_model_would_not() -> None:
    sample = sample_profile(blocks=3, steps=1)
    a = int(sample.steps.duration_ns[0])
    for times, is_noise in ((1.03, True), (1.2, False)):
        one, other = (with_steps(sample, np.array([each])) for each in (a, a * times))
        assert compare(one, other).explanation.is_noise is is_noise


def test_steps_without_the_profiler_are_told_beside_the_profiled_ones() -> None:
    a, b = (with_steps(sample_profile(), np.full(5, t * MS)) for t in (7, 6))
    found = compare(a, b).explanation
    assert_adds_up(found)
    assert (found.a_ns, found.b_ns) == (7 * MS, 6 * MS)
    assert found.profiled_ns == (9 * MS, 9 * MS)
    assert found.scaled(0.5, 1).profiled_ns == (4.5 * MS, 9 * MS)
    told = explained_sentence(found)
    assert told.startswith(
        "Step: 7 ms in A, 6 ms in B. With the profiler, which tells the parts, 9 ms"
    )
    untimed = compare(replace(a, timings=Timings.empty()), b).explanation
    assert (untimed.a_ns, untimed.b_ns) == untimed.profiled_ns == (9 * MS, 9 * MS)
    assert explained_sentence(untimed).startswith("Profiled step: 9 ms in A")


def test_rows_explain_the_steps_without_the_profiler_which_slows_small_operators_most(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    onnx = capture(onnx_files / "block.onnx", "onnxruntime")
    quick = [
        with_steps(each, np.full(5, 0.8 * np.median(each.steps.duration_ns)))
        for each in (eager, onnx)
    ]
    found, profiled = compare(*quick).explanation, explained_by_graph_of(eager, onnx)
    assert_adds_up(found)
    assert min(found.taken_off_ns) > 0
    before = {row.nodes: row for row in profiled.rows if any(row.nodes)}
    smaller = [(row, before[row.nodes]) for row in found.rows if any(row.nodes)]
    assert all(0 <= row.a_ns <= was.a_ns and 0 <= row.b_ns <= was.b_ns for row, was in smaller)
    kept = sorted((was.b_ns, row.b_ns / was.b_ns) for row, was in smaller if was.b_ns)
    assert kept[0][1] < kept[-1][1]
    assert len(found.rows) == len(profiled.rows)


def test_all_parts_grow_alike_where_profiled_steps_took_less(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    onnx = capture(onnx_files / "block.onnx", "onnxruntime")
    slowed = compare(*(with_steps(each, 9 * each.steps.duration_ns) for each in (eager, onnx)))
    found, profiled = slowed.explanation, explained_by_graph_of(eager, onnx)
    assert_adds_up(found)
    factors = found.scaled_by
    assert factors == pytest.approx((found.a_ns / profiled.a_ns, found.b_ns / profiled.b_ns))
    assert min(factors) > 1.3
    before = {(row.kind, row.nodes, row.title): row for row in profiled.rows}
    for row in found.rows:
        was = before[row.kind, row.nodes, row.title]
        assert row.a_ns == pytest.approx(factors[0] * was.a_ns)
        assert row.b_ns == pytest.approx(factors[1] * was.b_ns)
    told = explained_sentence(replace(found, is_noise=False))
    assert f"; all parts of A {100 * (factors[0] - 1):.0f} % longer and of B" in told
    assert "nothing places" in " ".join(slowed.cautions)


def test_pauses_before_operators_count_for_them_and_are_told(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    found = compare(eager, capture(onnx_files / "block.onnx", "onnxruntime")).explanation
    assert min(found.dispatch_ns) > 0
    assert "the pauses just before operators" in explained_sentence(replace(found, is_noise=False))
    assert found.scaled(0.5, 1).dispatch_ns == (found.dispatch_ns[0] / 2, found.dispatch_ns[1])


def test_the_code_of_a_layer_counts_for_it_where_the_trace_has_its_range(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    onnx = capture(onnx_files / "block.onnx", "onnxruntime")
    found = compare(eager, onnx).explanation
    code, none = found.code_ns
    assert none == 0
    by_layer = sum(row.a_ns for row in found.rows if row.kind == RowKind.MATCHED)
    assert 0 < code < by_layer
    assert "by modules' own code beside" in explained_sentence(replace(found, is_noise=False))
    alike = replace(compare(onnx, onnx).explanation, is_noise=False)
    assert "own code" not in explained_sentence(alike)


@pytest.mark.parametrize(
    ("ending", "mode", "other"),
    [("block.onnx", "onnxruntime", "onnx"), ("block.keras", "keras", "tf")],
)
def test_two_frameworks_are_matched_layer_by_layer(
    capture: Capture,
    torch_files: Path,
    request: pytest.FixtureRequest,
    ending: str,
    mode: str,
    other: str,
) -> None:
    a = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    b = capture(request.getfixturevalue(f"{other}_files") / ending, mode)
    found = compare(a, b).explanation
    assert found.by_graph
    assert_adds_up(found)
    assert found.matched_time > 0.9
    row = next(row for row in found.rows if row.kind == RowKind.MATCHED and all(row.nodes))
    assert all(row.titles)
    assert all(row.operators)
    for profile, slice_row in zip((a, b), row.slices, strict=True):
        assert slice_row < len(profile.trace.slices)
    turned = compare(b, a).explanation
    assert turned.matched_time == pytest.approx(found.matched_time, abs=0.1)
    assert turned.difference_ns == pytest.approx(-found.difference_ns)


def test_chains_that_only_one_side_fused_are_told() -> None:
    fused = sample_profile(blocks=3)
    slices = fused.trace.slices.replace(group=np.full(len(fused.trace.slices), -1))
    apart = replace(fused, trace=replace(fused.trace, slices=slices), fusion=Fusion.empty())
    found = compare(apart, fused).explanation
    rows = found.fused_by(1)
    assert len(rows) == 3
    assert all(len(row.nodes[0]) == len(row.nodes[1]) == 2 for row in rows)
    (told,) = fusion_sentences(found)
    assert told.startswith("B fuses 3 chains of operators that A runs one by one")
    assert not found.fused_by(0)
    assert fusion_sentences(compare(fused, apart).explanation)[0].startswith("A fuses 3 chains")
    assert fusion_sentences(compare(fused, fused).explanation) == ()
