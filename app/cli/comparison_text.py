"""A comparison as lines of text for a terminal."""

from collections.abc import Iterator

from profilers.analysis.comparison import ProfileComparison
from profilers.analysis.comparison.rows import ExplainedRow
from profilers.analysis.comparison.words import (
    ROW_KINDS,
    explained_sentence,
    format_change,
    format_noise,
    format_share,
    format_value,
    fusion_sentences,
    verdict_sentence,
)
from profilers.analysis.parity import sentence
from profilers.profile import Profile
from profilers.units import format_duration

_MOST_BLAMED = 5


def comparison_text(comparison: ProfileComparison, a: Profile, b: Profile, rows: int) -> str:
    return "\n".join(_lines(comparison, a, b, rows))


def worsened_text(comparison: ProfileComparison, threshold: float) -> str:
    """What worsened by more than a share and more than the noise, and what is to blame; "" if nothing."""
    worse = [pair for pair in comparison.figures if pair.worsened_by > threshold]
    if not worse:
        return ""
    lines = [f"Worse by more than {100 * threshold:g} %:"]
    lines += [f"  {verdict_sentence(pair)}" for pair in worse]
    explanation = comparison.explanation
    slower = [row for row in explanation.rows if row.difference_ns > 0][:_MOST_BLAMED]
    if slower:
        lines.append("What took longer:")
        lines += [f"  {_blame(row)}" for row in slower]
    return "\n".join(lines)


def _blame(row: ExplainedRow) -> str:
    operators = row.operators[1] or row.operators[0]
    what = f"{_name(row)} ({operators})" if operators and operators != _name(row) else _name(row)
    return (
        f"{what}: {format_duration(row.a_ns)} to {format_duration(row.b_ns)}, "
        f"+{format_duration(row.difference_ns)} per step"
    )


def _lines(comparison: ProfileComparison, a: Profile, b: Profile, rows: int) -> Iterator[str]:
    for name, profile in (("A", a), ("B", b)):
        environment = profile.environment
        about = ", ".join(part for part in (environment.framework, environment.mode) if part)
        yield f"{name}  {environment.model_name or profile.name}" + (
            f"  ({about})" if about else ""
        )
    yield ""
    if comparison.latency is not None:
        yield verdict_sentence(comparison.latency) + "."
    if comparison.parity is not None:
        yield sentence(comparison.parity)
    yield from (f"! {caution}" for caution in comparison.cautions)
    yield ""
    yield from _table(
        ("", "A", "B", "B beside A", "95 % interval"),
        [
            (
                pair.metric.title,
                format_value(pair.a, pair.metric.unit),
                format_value(pair.b, pair.metric.unit),
                format_change(pair),
                format_noise(pair),
            )
            for pair in comparison.figures
        ],
    )
    yield from _explained(comparison, rows)


def _explained(comparison: ProfileComparison, most: int) -> Iterator[str]:
    explanation = comparison.explanation
    if not explanation.a_ns and not explanation.b_ns:
        return
    yield ""
    yield explained_sentence(explanation, per_sample=comparison.per_sample)
    yield from fusion_sentences(explanation)
    leading = explanation.leading(most)
    yield from _table(
        ("", "A", "B", "Difference", "Share", ""),
        [
            (
                _name(row),
                format_duration(row.a_ns),
                format_duration(row.b_ns),
                format_duration(row.difference_ns),
                format_share(explanation, row),
                ROW_KINDS[row.kind] if row.title else "",
            )
            for row in (explanation.rows[at] for at in leading)
        ],
    )
    rest = [row for at, row in enumerate(explanation.rows) if at not in leading]
    if rest:
        left = sum(row.difference_ns for row in rest)
        yield f"{len(rest):,} further rows: {format_duration(left)} together"


def _name(row: ExplainedRow) -> str:
    return row.title or ROW_KINDS[row.kind].capitalize()


def _table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> Iterator[str]:
    """Names to the left, figures to the right."""
    cells = [header, *lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    for line in cells:
        first, *others = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join((first, *others)).rstrip()
