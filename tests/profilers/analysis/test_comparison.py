"""Two profiles compared: what is told, how sure it is, and that nothing of the difference is lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.comparison import compare
from profilers.analysis.comparison.call_parts import call_parts
from profilers.analysis.comparison.explained import Explanation, explained_by_graph
from profilers.analysis.comparison.figures import Rounds, Verdict
from profilers.analysis.comparison.plain import plain
from profilers.analysis.comparison.ratios import (
    median_interval,
    ratio_of_medians,
    ratio_of_rounds,
)
from profilers.analysis.comparison.resampling import correlation_time
from profilers.analysis.comparison.rows import TOLD_APART, RowKind
from profilers.analysis.comparison.spent import has_ranges, spent_by_graph
from profilers.analysis.comparison.words import (
    explained_sentence,
    format_share,
    fusion_sentences,
    verdict_sentence,
)
from profilers.analysis.pairing.matching import match_graphs
from profilers.opening import open_path
from profilers.profile import Fusion, Profile, TimingPhase, Timings
from profilers.profile.table import Float64
from tests.conftest import Capture
from tests.sample import sample_profile

MS = 1_000_000
MODELS = Path(__file__).parents[2] / "models"


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def with_steps(profile: Profile, durations: Float64) -> Profile:
    """With other steps measured without the profiler."""
    return replace(
        profile,
        timings=Timings.from_rows((TimingPhase.MEASURED, each) for each in durations.astype(int)),
    )


def with_batch(profile: Profile, size: int, dtype: str = "float32") -> Profile:
    inputs = [{"name": "x", "dtype": dtype, "shape": [size, 3]}]
    return replace(profile, environment=replace(profile.environment, request={"inputs": inputs}))


def explained_by_graph_of(a: Profile, b: Profile) -> Explanation:
    """As they were profiled."""
    match = match_graphs(a.authored, a.strings, b.authored, b.strings)
    return explained_by_graph(a, b, match)


def assert_adds_up(explanation: Explanation) -> None:
    assert sum(row.a_ns for row in explanation.rows) == pytest.approx(explanation.a_ns)
    assert sum(row.b_ns for row in explanation.rows) == pytest.approx(explanation.b_ns)
    if explanation.difference_ns:
        shares = [explanation.share(row) for row in explanation.rows]
        assert sum(shares) == pytest.approx(1)
    weights = [abs(row.difference_ns) for row in explanation.rows]
    assert weights == sorted(weights, reverse=True)


# How sure


def test_correlated_and_drifting_steps_are_worth_fewer() -> None:
    generator = np.random.default_rng(0)
    independent = generator.normal(size=400)
    smooth = np.convolve(independent, np.ones(10), "valid")
    drifting = independent + np.linspace(0, 8, 400)
    assert correlation_time(independent) < 1.5
    assert correlation_time(smooth) > 5
    assert correlation_time(drifting) > 50
    assert correlation_time(np.ones(50)) == 1


def test_an_interval_holds_the_median_and_narrows_with_more_steps() -> None:
    generator = np.random.default_rng(1)
    widths = []
    for count in (12, 300):
        found = [median_interval(generator.lognormal(1, 0.1, count), seed) for seed in range(60)]
        told = [each for each in found if each is not None]
        assert len(told) > 50
        assert all(each.low <= each.value <= each.high for each in told)
        assert sum(each.low <= np.e <= each.high for each in told) >= 0.9 * len(told)
        widths.append(np.median([each.high / each.low for each in told]))
    assert widths[1] < widths[0] ** 0.5
    assert median_interval([1.0, 2.0]) is None


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_same_is_seldom_called_different_and_a_fifth_is_found(correlation: float) -> None:
    generator = np.random.default_rng(2)
    false_alarms = found = 0
    pairs = 60
    for seed in range(pairs):
        a, b = (_steps(generator, 80, correlation) for _ in range(2))
        same, slower = ratio_of_medians(a, b, seed), ratio_of_medians(a, 1.2 * b, seed)
        false_alarms += same is not None and not same.low <= 1 <= same.high
        found += slower is not None and slower.low > 1
    assert false_alarms <= 0.05 * pairs
    assert found >= 0.95 * pairs


def test_rounds_cancel_what_slows_both_down() -> None:
    generator = np.random.default_rng(3)
    load = 1 + np.abs(np.cumsum(generator.normal(0, 0.3, 40)))
    a, b = (load * generator.lognormal(0, 0.02, 40) for _ in range(2))
    found = ratio_of_rounds(a, 1.05 * b)
    apart = ratio_of_medians(a, 1.05 * b)
    assert found is not None
    assert found.low > 1
    assert found.high < 1.1
    assert apart is None or apart.low < 1 < apart.high


def _steps(generator: np.random.Generator, count: int, correlation: float) -> Float64:
    noise = generator.normal(size=count)
    for at in range(1, count):
        noise[at] = correlation * noise[at - 1] + np.sqrt(1 - correlation**2) * noise[at]
    return np.exp(0.04 * noise)


# Figures and words


def test_a_faster_run_is_told_with_its_interval() -> None:
    generator = np.random.default_rng(4)
    sample = sample_profile()
    a = with_steps(sample, generator.normal(10 * MS, 0.2 * MS, 60))
    b = with_steps(sample, generator.normal(8 * MS, 0.2 * MS, 60))
    latency = compare(a, b).latency
    assert latency is not None
    assert latency.verdict == Verdict.BETTER
    assert latency.ratio is not None
    assert latency.ratio.low < 0.8 < latency.ratio.high
    sentence = verdict_sentence(latency)
    assert sentence.startswith("B is ")
    assert " % faster than A (95 % interval " in sentence
    slower = compare(b, a).latency
    assert slower is not None
    assert slower.worsened_by == pytest.approx(0.25, abs=0.03)
    assert "slower" in verdict_sentence(slower)
    assert verdict_sentence(compare(a, a).figures[0]).startswith("No difference beyond the noise")


def test_many_times_as_fast_is_no_percentage() -> None:
    generator = np.random.default_rng(5)
    a, b = (with_steps(sample_profile(), generator.normal(t * MS, MS, 40)) for t in (60, 20))
    assert "times as fast as A" in verdict_sentence(compare(a, b).figures[0])
    assert "times as long as A" in verdict_sentence(compare(b, a).figures[0])


def test_one_step_tells_nothing_and_says_so() -> None:
    one = with_steps(sample_profile(), np.array([9.0 * MS]))
    found = compare(one, sample_profile())
    assert found.latency is not None
    assert found.latency.verdict == Verdict.UNSURE
    assert verdict_sentence(found.latency).startswith("Too few independent steps")
    assert any("A has one step only" in each for each in found.cautions)


def test_other_batch_sizes_and_types_are_told_and_divided_out_where_asked() -> None:
    generator = np.random.default_rng(6)
    steps = [generator.normal(t * MS, 0.1 * MS, 40) for t in (10, 30)]
    a = with_batch(with_steps(sample_profile(), steps[0]), 1)
    b = with_batch(with_steps(sample_profile(), steps[1]), 4, "float16")
    whole, per_sample = compare(a, b), compare(a, b, per_sample=True)
    assert whole.figures[0].verdict == Verdict.WORSE
    assert per_sample.figures[0].verdict == Verdict.BETTER
    for found in (whole, per_sample):
        assert any("batch sizes differ: 1 in A, 4 in B" in each for each in found.cautions)
        assert any("float32 in A, float16 in B" in each for each in found.cautions)
        throughput = next(each for each in found.figures if each.metric.id == "throughput")
        assert throughput.verdict == Verdict.BETTER
        assert throughput.b == pytest.approx(4e9 / np.median(steps[1]))
        assert_adds_up(found.explanation)


def test_other_work_is_told_and_other_layouts_are_not() -> None:
    sample = sample_profile()

    def run_of(threads: str, *shapes: list[int], **options: str) -> Profile:
        inputs = [{"name": "x", "dtype": "float32", "shape": shape} for shape in shapes]
        environment = replace(
            sample.environment,
            request={"inputs": inputs, "options": options},
            facts={**sample.environment.facts, "Threads": threads},
        )
        return replace(sample, environment=environment)

    first = run_of("1 of 2", [1, 3, 224, 224])
    last = run_of("1", [1, 224, 224, 3])
    assert not [each for each in compare(first, last).cautions if "differ" in each]
    small = run_of("2 of 2", [1, 32, 32, 3], run="training", autocast="bfloat16")
    told = " ".join(compare(first, small).cautions)
    assert "sizes differ, beside the batch: 3×224×224 in A, 32×32×3 in B" in told
    assert "What a step does differs: inference in A, training in B" in told
    assert "(autocast) differs: off in A, bfloat16 in B" in told
    assert "threads differ: 1 in A, 2 in B" in told


def test_weights_of_another_type_are_told(capture: Capture, onnx_files: Path) -> None:
    whole, half = (
        capture(onnx_files / f"{name}.onnx", "onnxruntime") for name in ("resnet", "resnet_half")
    )
    told = compare(whole, half).cautions
    assert "The weights' types differ: float32 in A, float16 in B." in told


def test_rounds_stand_in_for_the_runs_own_steps() -> None:
    generator = np.random.default_rng(7)
    rounds = Rounds(*(generator.normal(t * MS, 0.1 * MS, 20) for t in (10.0, 11.0)))
    found = compare(sample_profile(), sample_profile(), rounds=rounds)
    assert found.latency is not None
    assert found.latency.metric.title == "Step, interleaved"
    assert found.latency.verdict == Verdict.WORSE


def test_rounds_of_which_one_side_waited_more_tell_less() -> None:
    generator = np.random.default_rng(9)
    a, b = (generator.normal(t * MS, 0.1 * MS, 20) for t in (10.0, 10.7))
    waits = {"none": (0.0, 0.0), "both": (0.3, 0.3), "one": (0.0, 0.1)}
    verdicts = {
        name: compare(sample_profile(), sample_profile(), rounds=Rounds(a, b, waited)).figures[0]
        for name, waited in waits.items()
    }
    assert verdicts["none"].verdict == verdicts["both"].verdict == Verdict.WORSE
    assert verdicts["one"].verdict == Verdict.SAME


def test_counts_need_no_interval() -> None:
    found = compare(sample_profile(blocks=4), sample_profile(blocks=2))
    kernels = next(each for each in found.figures if each.metric.id == "kernels")
    assert (kernels.a, kernels.b, kernels.verdict) == (12, 6, Verdict.OTHER)
    assert "exact" in verdict_sentence(kernels)
    peak = next(each for each in found.figures if each.metric.id == "peak")
    assert peak.a is not None
    assert peak.b is not None
    assert peak.a > peak.b


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


def test_unrelated_models_are_said_to_be_and_compared_by_operator(
    capture: Capture, torch_files: Path
) -> None:
    a = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    b = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    found = compare(a, b)
    assert not found.explanation.by_graph
    assert "unrelated models" in found.cautions[0]
    assert_adds_up(found.explanation)
    assert "aten.linear" in {row.title for row in found.explanation.rows}


def test_ranks_are_compared_by_operator(shared_data: Path) -> None:
    a, b = (opened(shared_data / f"sampled_rank{rank}.json.gz") for rank in (0, 1))
    found = compare(a, b)
    assert_adds_up(found.explanation)
    assert "Neither has a graph" in found.cautions[0]
    assert found.explanation.on_device == (True, True)
    assert found.explanation.matched_time > 0.9
    assert any("2 steps only" in each for each in found.cautions)


def test_two_gpus_are_compared_by_operator(shared_data: Path) -> None:
    a = opened(shared_data / "a100_train_control.json.gz")
    b = opened(shared_data / "v100_resnet_ns.json.gz")
    found = compare(a, b)
    assert_adds_up(found.explanation)
    assert any("devices differ: NVIDIA A100" in each for each in found.cautions)
    assert any("profiler's own time" in each for each in found.cautions)


def test_profiles_of_nothing_are_compared_to_nothing() -> None:
    found = compare(Profile("a"), Profile("b"))
    assert found.figures == ()
    assert found.explanation.difference_ns == 0


def test_a_run_that_waited_for_a_processor_is_doubted() -> None:
    generator = np.random.default_rng(8)
    a, b = (with_steps(sample_profile(), generator.normal(t * MS, 0.1 * MS, 60)) for t in (10, 12))
    facts = {**b.environment.facts, "Waited for a processor": "40 % of the time"}
    waiting = replace(b, environment=replace(b.environment, facts=facts))
    assert compare(a, b).figures[0].verdict == Verdict.WORSE
    found = compare(a, waiting)
    assert found.figures[0].verdict == Verdict.SAME
    assert verdict_sentence(found.figures[0]).startswith("The steps vary too much to tell")
    assert any("B waited for a processor 40 %" in each for each in found.cautions)
