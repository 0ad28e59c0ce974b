"""A comparison as plain data, serialisable as JSON."""

from typing import Any

from profilers.analysis.comparison import ProfileComparison
from profilers.analysis.comparison.explained import Explanation
from profilers.analysis.comparison.figures import FigurePair
from profilers.analysis.comparison.ratios import Interval
from profilers.analysis.comparison.rows import ExplainedRow
from profilers.analysis.comparison.words import fusion_sentences, verdict_sentence
from profilers.analysis.parity import Parity, sentence


def plain(comparison: ProfileComparison) -> dict[str, Any]:
    """Figures with intervals and verdicts, cautions, and all rows; times in ns."""
    explanation = comparison.explanation
    return {
        "verdict": verdict_sentence(comparison.latency) if comparison.latency else None,
        "cautions": list(comparison.cautions),
        "per_sample": comparison.per_sample,
        "figures": [_figure(pair) for pair in comparison.figures],
        "parity": _parity(comparison.parity) if comparison.parity else None,
        "explanation": {
            "by": "layers" if explanation.by_graph else "operators",
            "a_ns": explanation.a_ns,
            "b_ns": explanation.b_ns,
            "profiled_ns": list(explanation.profiled_ns),
            "taken_off_ns": list(explanation.taken_off_ns),
            "scaled_by": list(explanation.scaled_by),
            "is_noise": explanation.is_noise,
            **_shares(explanation),
            "fusion": list(fusion_sentences(explanation)),
            "rows": [_row(row, explanation) for row in explanation.rows],
        },
    }


def _shares(explanation: Explanation) -> dict[str, float | None]:
    """Of the difference; None where that is mere noise."""
    shares = {
        "matched_share_of_difference": explanation.matched_share,
        "layers_share_of_difference": explanation.layers_share,
        "call_share_of_difference": explanation.call_share,
        "outside_share_of_difference": explanation.outside_share,
        "code_share_of_difference": explanation.code_share,
        "dispatch_share_of_difference": explanation.dispatch_share,
        "lone_share_of_difference": explanation.lone_share,
        "matched_share_of_changes": explanation.matched_changes,
    }
    return {name: None if explanation.is_noise else share for name, share in shares.items()}


def _parity(found: Parity) -> dict[str, Any]:
    return {
        "sentence": sentence(found),
        "tolerance": found.tolerance,
        "input_difference": found.input_difference,
        "rows": [
            {"a": row.titles[0], "b": row.titles[1], "difference": row.difference}
            for row in found.rows
        ],
    }


def _figure(pair: FigurePair) -> dict[str, Any]:
    return {
        "id": pair.metric.id,
        "title": pair.metric.title,
        "unit": pair.metric.unit.value,
        "a": pair.a,
        "b": pair.b,
        "a_interval": _interval(pair.a_interval),
        "b_interval": _interval(pair.b_interval),
        "ratio": pair.ratio.value if pair.ratio else None,
        "ratio_interval": _interval(pair.ratio),
        "shows_from": pair.ratio.shows_from if pair.ratio else None,
        "verdict": pair.verdict.name.lower(),
        "sentence": verdict_sentence(pair),
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _row(row: ExplainedRow, explanation: Explanation) -> dict[str, Any]:
    return {
        "kind": row.kind.name.lower(),
        "a": row.titles[0],
        "b": row.titles[1],
        "operators_a": row.operators[0],
        "operators_b": row.operators[1],
        "a_ns": row.a_ns,
        "b_ns": row.b_ns,
        "share_of_difference": None if explanation.is_noise else explanation.share(row),
    }
