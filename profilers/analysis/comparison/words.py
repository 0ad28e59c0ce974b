"""Figures and verdicts of a comparison as people read them."""

import math

from profilers.analysis.comparison.explained import Explanation
from profilers.analysis.comparison.figures import LATENCY, Basis, FigurePair, Unit, Verdict
from profilers.analysis.comparison.ratios import Interval
from profilers.analysis.comparison.rows import ExplainedRow, RowKind
from profilers.units import (
    format_bytes,
    format_count,
    format_duration,
    format_factor,
    format_percent,
)

_TOO_NOISY = 1.5  # ratio of an interval's ends beyond which "no difference" would say too much
_TINY = 1e-9  # a share that reads as one of no size in particular
_SCALED = 0.005  # less of a factor is not worth telling
_NO_END = 10.0  # of an interval's upper end to its middle: the steps do not tell where it ends
_MANY_TIMES = 2.0  # from here on a ratio reads better than a percentage
ROW_KINDS = {
    RowKind.MATCHED: "",
    RowKind.ONLY_A: "only in A",
    RowKind.ONLY_B: "only in B",
    RowKind.UNLINKED: "not tied to the graph",
    RowKind.BETWEEN: "long pauses between operators",
    RowKind.AROUND: "before the first operator and after the last",
    RowKind.CALL: "the model's own call",
}


def format_value(value: float | None, unit: Unit) -> str:
    """``12.3 ms``; "–" for what is not known."""
    if value is None:
        return "–"
    if unit == Unit.DURATION:
        return format_duration(value)
    if unit == Unit.BYTES:
        return format_bytes(value)
    if unit == Unit.SHARE:
        return format_percent(value)
    if unit == Unit.RATE:
        return f"{value:,.4g} /s"
    if unit == Unit.COUNT:
        return f"{value:,.6g}"
    return format_count(value, unit.value)


def format_interval(interval: Interval | None, unit: Unit) -> str:
    """``11.9 ms to 12.8 ms``; "" where nothing varies or nothing is known."""
    if interval is None or interval.low == interval.high:
        return ""
    return f"{format_value(interval.low, unit)} to {format_value(interval.high, unit)}"


def format_change(pair: FigurePair) -> str:
    """``−12.3 %`` or ``4.2 ×``: b beside a."""
    if not pair.a or pair.b is None:
        return "–"
    ratio = pair.ratio.value if pair.ratio else pair.b / pair.a
    if ratio >= _MANY_TIMES or 0 < ratio <= 1 / _MANY_TIMES:
        return f"{format_factor(ratio)} ×"
    return f"{100 * (ratio - 1):+.1f} %".replace("-", "−")


def format_noise(pair: FigurePair) -> str:
    """The interval of the change, ``−14.0 to −10.1 %``, or why there is none."""
    if pair.verdict == Verdict.MISSING:
        return ""
    if pair.metric.basis == Basis.ONCE:
        return "measured once each"
    if pair.ratio is None:
        return "too few steps"
    if pair.ratio.low == pair.ratio.high:
        return "exact"
    if pair.ratio.high >= _MANY_TIMES or pair.ratio.low <= 1 / _MANY_TIMES:
        return f"{format_factor(pair.ratio.low)} to {format_factor(pair.ratio.high)} ×"
    low, high = (100 * (edge - 1) for edge in (pair.ratio.low, pair.ratio.high))
    return f"{low:+.1f} to {high:+.1f} %".replace("-", "−")


def verdict_sentence(pair: FigurePair) -> str:
    """What a figure says of b against a, with how sure that is."""
    if pair.metric.id == LATENCY:
        return _latency_sentence(pair)
    title, unit = pair.metric.title, pair.metric.unit
    values = f"{format_value(pair.a, unit)} to {format_value(pair.b, unit)}"
    if pair.verdict == Verdict.MISSING:
        which = "A" if pair.a is None else "B"
        return f"{title}: {which} does not tell"
    if pair.verdict == Verdict.SAME:
        return f"{title}: no difference beyond the noise"
    if pair.verdict == Verdict.UNSURE:
        reason = format_noise(pair)
        return f"{title}: {values}, {reason}, so nothing tells the noise"
    noise = format_noise(pair)
    told = noise if noise == "exact" else f"95 % interval {noise}"
    return f"{title}: {format_change(pair)} in B, {values} ({told})"


def explained_sentence(explanation: Explanation, *, per_sample: bool = False) -> str:
    """How long the steps took, and what of their difference lies where.

    The parts add up to all of it.
    """
    step = "Step per sample" if per_sample else "Step"
    if not explanation.is_unprofiled:
        step = f"Profiled {step.lower()}"
    a, b = (format_duration(each) for each in (explanation.a_ns, explanation.b_ns))
    steps = f"{step}: {a} in A, {b} in B.{_profiled(explanation)}"
    if explanation.is_noise:
        return f"{steps} That is no difference beyond the noise, so no shares of it are told."
    return f"{steps} {_where(explanation)}"


def _profiled(explanation: Explanation) -> str:
    if not explanation.is_unprofiled:
        return ""
    a, b = (format_duration(each) for each in explanation.profiled_ns)
    told = f" With the profiler, which tells the parts, {a} and {b}"
    less = [
        f"{format_duration(ns)} of {side}'s"
        for side, ns in zip("AB", explanation.taken_off_ns, strict=True)
        if ns
    ]
    if less:
        where = "pauses" if all(explanation.on_device) else "calls"
        verb = "is" if len(less) == 1 else "are"
        told += f"; {' and '.join(less)} {verb} taken off the {where} that it recorded"
    scaled = [
        f"{side} {abs(100 * (factor - 1)):.0f} % {'longer' if factor > 1 else 'shorter'}"
        for side, factor in zip("AB", explanation.scaled_by, strict=True)
        if abs(factor - 1) >= _SCALED
    ]
    if scaled:
        told += f"; all parts of {' and of '.join(scaled)} alike, as machines vary"
    return f"{told}."


def _where(explanation: Explanation) -> str:
    what = "layers" if explanation.by_graph else "operators"
    beside = [
        f"{_share(share)} by {what_took_it}"
        for times, share, what_took_it in (
            (explanation.code_ns, explanation.code_share, "modules' own code beside operators"),
            (
                explanation.dispatch_ns,
                explanation.dispatch_share,
                "the pauses just before operators",
            ),
        )
        if any(times)
    ]
    parts = [
        f"{_share(explanation.layers_share)} in matched {what}"
        + (f" ({', '.join(beside)})" if beside else "")
    ]
    if any(row.kind == RowKind.CALL for row in explanation.rows):
        parts.append(f"{_share(explanation.call_share)} in the model's own call around them")
    for kind, where in (
        (RowKind.BETWEEN, "in long pauses"),
        (RowKind.AROUND, "before the first operator and after the last"),
    ):
        if any(row.kind == kind and row.is_any for row in explanation.rows):
            parts.append(f"{_share(explanation.share_of(kind))} {where}")
    parts.append(f"{_share(explanation.lone_share)} in what only one side has")
    told = f"Of the difference, {', '.join(parts[:-1])} and {parts[-1]}."
    return f"{told} A minus tells what goes the other way." if "−" in told else told


def _share(share: float) -> str:
    told = format_percent(abs(share))
    return told if share >= 0 or told == format_percent(_TINY) else f"−{told}"


def format_share(explanation: Explanation, row: ExplainedRow) -> str:
    """``12.3 %`` of the difference; "–" where that is mere noise."""
    return "–" if explanation.is_noise else _share(explanation.share(row))


def fusion_sentences(explanation: Explanation) -> tuple[str, ...]:
    """Chains of operators that only one side fused, with what they take on either side."""
    return tuple(
        _fusion_sentence(explanation, side) for side in (1, 0) if explanation.fused_by(side)
    )


def _fusion_sentence(explanation: Explanation, side: int) -> str:
    rows = explanation.fused_by(side)
    name, other = ("B", "A") if side else ("A", "B")
    times = [sum(row.a_ns for row in rows), sum(row.b_ns for row in rows)]
    chains = "1 chain" if len(rows) == 1 else f"{len(rows):,} chains"
    return (
        f"{name} fuses {chains} of operators that {other} runs one by one: "
        f"{format_duration(times[side])} per step in {name}, {format_duration(times[1 - side])} in "
        f"{other}; the largest difference is in {rows[0].title}."
    )


def _latency_sentence(pair: FigurePair) -> str:
    if pair.verdict == Verdict.MISSING:
        which = "A" if pair.a is None else "B"
        return f"{which} has no steps to compare"
    if pair.ratio is None:
        return "Too few independent steps to tell which is faster"
    ratio = pair.ratio
    if pair.verdict == Verdict.SAME and ratio.high > _TOO_NOISY * ratio.low:
        return f"The steps vary too much to tell which is faster ({_as_change(ratio)})"
    if pair.verdict == Verdict.SAME:
        return (
            f"No difference beyond the noise ({_as_change(ratio)}); only one above "
            f"{math.ceil(100 * ratio.shows_from)} % would surely show"
        )
    if ratio.value <= 1 / _MANY_TIMES:
        fast = ratio.inverse()
        return (
            f"B is {format_factor(fast.value)} times as fast as A (95 % interval {_as_times(fast)})"
        )
    if ratio.value >= _MANY_TIMES:
        return (
            f"B takes {format_factor(ratio.value)} times as long as A "
            f"(95 % interval {_as_times(ratio)})"
        )
    word, sign = ("faster", -1) if ratio.value < 1 else ("slower", 1)
    edges = sorted(sign * 100 * (edge - 1) for edge in (ratio.low, ratio.high))
    return (
        f"B is {sign * 100 * (ratio.value - 1):.1f} % {word} than A "
        f"(95 % interval {edges[0]:.1f} to {edges[1]:.1f} %)"
    )


def _as_times(ratio: Interval) -> str:
    low = format_factor(ratio.low)
    if ratio.high > _NO_END * ratio.value:
        return f"{low} times or more"
    return f"{low} to {format_factor(ratio.high)} times"


def _as_change(ratio: Interval) -> str:
    low, high = (100 * (edge - 1) for edge in (ratio.low, ratio.high))
    if ratio.high > _NO_END * ratio.value:
        return f"95 % interval of B's step time {low:+.1f} % or more".replace("-", "−")
    return f"95 % interval of B's step time {low:+.1f} to {high:+.1f} %".replace("-", "−")
