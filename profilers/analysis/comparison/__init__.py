"""Two profiles compared: figures with how sure they are, and where the difference comes from."""

from dataclasses import dataclass, replace

import numpy as np

from profilers.analysis.comparison.cautions import cautions
from profilers.analysis.comparison.explained import (
    Explanation,
    explained_by_graph,
    explained_by_operator,
)
from profilers.analysis.comparison.figures import (
    LATENCY,
    FigurePair,
    Rounds,
    compare_figures,
)
from profilers.analysis.comparison.ratios import between_waiting_runs, ratio_of_runs
from profilers.analysis.comparison.side import samples_per_step, step_durations, waited
from profilers.analysis.pairing.matching import Match, match_graphs
from profilers.analysis.parity import Parity, parity
from profilers.profile import Profile, TimingPhase

# Below these shares of the recorded work, or of the nodes that ran, in matched layers two models have
# little in common. One model's runs are far above both; a single slow operator may lift the first.
_LEAST_TIME, _LEAST_NODES = 0.5, 0.4


@dataclass(frozen=True)
class ProfileComparison:
    """Profile b against profile a.

    Attributes
    ----------
    figures : tuple of FigurePair
        The latency first.
    explanation : Explanation
        Rows that add up to the difference of the steps.
    cautions : tuple of str
        Why the figures may mislead.
    per_sample : bool
        Whether step times were divided by the batch size.
    parity : Parity or None
        Where the outputs of matched layers part; None where a side keeps none.
    """

    figures: tuple[FigurePair, ...]
    explanation: Explanation
    cautions: tuple[str, ...]
    per_sample: bool
    parity: Parity | None = None

    @property
    def latency(self) -> FigurePair | None:
        return _latency(self.figures)


def compare(
    a: Profile,
    b: Profile,
    *,
    match: Match | None = None,
    rounds: Rounds | None = None,
    per_sample: bool = False,
) -> ProfileComparison:
    """Everything that differs between two profiles, as far as they tell.

    Parameters
    ----------
    match : Match, optional
        Of the authored graphs, where it is known already.
    rounds : Rounds, optional
        Steps of both taken in turns, which tell the latency better than the profiles' own.
    per_sample : bool
        Divide step times by the samples of all ranks' batches, where both tell them.
    """
    per_sample = per_sample and can_normalise(a, b)
    if match is None and a.graphs and b.graphs:
        match = match_graphs(a.authored, a.strings, b.authored, b.strings)
    explanation = _explanation(a, b, match, _unprofiled_ns(a, b, rounds))
    samples = ((samples_per_step(a) or 1), (samples_per_step(b) or 1)) if per_sample else (1, 1)
    if per_sample:
        explanation = explanation.scaled(1 / samples[0], 1 / samples[1])
    figures = compare_figures(a, b, rounds, per_sample=per_sample)
    explanation = replace(explanation, is_noise=_is_noise(_latency(figures), a, b))
    return ProfileComparison(
        figures,
        explanation,
        tuple(cautions(a, b, explanation, _latency(figures), rounds, per_sample=per_sample)),
        per_sample,
        parity(a, b, match) if match is not None and explanation.by_graph else None,
    )


def can_normalise(a: Profile, b: Profile) -> bool:
    """Whether both tell their batch size."""
    return samples_per_step(a) is not None and samples_per_step(b) is not None


def _is_noise(latency: FigurePair | None, a: Profile, b: Profile) -> bool:
    """Whether the steps of both differ by no more than two runs of one model may."""
    if latency is None or latency.a is None or latency.b is None:
        return False
    ratio = latency.ratio
    if ratio is None:  # too few steps to tell how much they vary
        between = between_waiting_runs(*(waited(each.environment.facts) for each in (a, b)))
        ratio = ratio_of_runs(latency.a, latency.b, between)
    return ratio is not None and ratio.low <= 1 <= ratio.high


def _latency(figures: tuple[FigurePair, ...]) -> FigurePair | None:
    return next((pair for pair in figures if pair.metric.id == LATENCY), None)


def _unprofiled_ns(a: Profile, b: Profile, rounds: Rounds | None) -> tuple[float, float] | None:
    """The medians that the verdict is about, where they are without the profiler."""
    ours, theirs = (step_durations(each, TimingPhase.MEASURED) for each in (a, b))
    if rounds is not None:
        ours, theirs = rounds.a_ns, rounds.b_ns
    if not len(ours) or not len(theirs):
        return None
    return float(np.median(ours)), float(np.median(theirs))


def _explanation(
    a: Profile, b: Profile, match: Match | None, steps_ns: tuple[float, float] | None
) -> Explanation:
    """By layers where the graphs have most of the work in common, else by operators."""
    if match is not None:
        found = explained_by_graph(a, b, match, steps_ns)
        if found.matched_time >= _LEAST_TIME and found.matched_nodes >= _LEAST_NODES:
            return found
    return explained_by_operator(a, b, steps_ns)
