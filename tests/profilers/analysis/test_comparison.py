"""Comparisons say what is faster, by how much and how surely, and what makes that doubtful."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.comparison import compare
from profilers.analysis.comparison.figures import Rounds, Verdict
from profilers.analysis.comparison.ratios import (
    median_interval,
    ratio_of_medians,
    ratio_of_rounds,
)
from profilers.analysis.comparison.resampling import correlation_time
from profilers.analysis.comparison.words import (
    verdict_sentence,
)
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.profile.table import Float64
from tests.conftest import Capture
from tests.profilers.analysis.compared import MODELS, MS, assert_adds_up, with_steps
from tests.sample import sample_profile


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def with_batch(profile: Profile, size: int, dtype: str = "float32") -> Profile:
    inputs = [{"name": "x", "dtype": dtype, "shape": [size, 3]}]
    return replace(profile, environment=replace(profile.environment, request={"inputs": inputs}))


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


def test_few_steps_that_do_not_overlap_are_told_without_a_verdict(shared_data: Path) -> None:
    a, b = (opened(shared_data / f"a100_train_{name}.json.gz") for name in ("control", "test"))
    for one, other, word in ((a, b, "longer"), (b, a, "less")):
        found = compare(one, other)
        assert found.latency is not None
        assert found.latency.verdict == Verdict.SAME
        assert any(f"Every step of B took {word} than any of A" in each for each in found.cautions)
    assert not any("Every step" in each for each in compare(a, a).cautions)


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
    assert any("There are 2 steps in A" in each for each in found.cautions)


def test_two_gpus_are_compared_by_operator(shared_data: Path) -> None:
    a = opened(shared_data / "a100_train_control.json.gz")
    b = opened(shared_data / "v100_resnet_ns.json.gz")
    found = compare(a, b)
    assert_adds_up(found.explanation)
    assert any("devices differ: NVIDIA A100" in each for each in found.cautions)
    assert any("profiler's own time" in each for each in found.cautions)


@pytest.mark.parametrize(
    ("slower", "verdict"),
    [
        ((4000, 9000, 900_000), "The steps vary too much to tell which is faster"),
        ((300, 800, 5000), "B takes 533 times as long as A"),
    ],
)
def test_an_interval_without_end_is_told_as_such(slower: tuple[int, ...], verdict: str) -> None:
    a, b = (with_steps(sample_profile(), np.array(ms) * MS) for ms in ((1, 1.5, 3), slower))
    found = compare(a, b)
    sentence = verdict_sentence(found.figures[0])
    assert sentence.startswith(verdict)
    assert all(len(figure) < 5 for figure in re.findall(r"\d+", sentence.replace(",", "")))
    assert any("differences of many times" in each for each in found.cautions)


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
