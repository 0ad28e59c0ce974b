"""What there is to report about two profiles beside each other."""

from collections.abc import Iterator
from dataclasses import replace

from app.report.content import (
    Bars,
    Block,
    Column,
    Grid,
    Line,
    Lines,
    Report,
    Row,
    Section,
    Waterfall,
)
from app.report.sections import STEPS, sections_of, step_series, subtitle_of, title_of
from profilers.analysis.comparison import ProfileComparison
from profilers.analysis.comparison.figures import Verdict
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
from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.parity import sentence
from profilers.profile import Profile
from profilers.units import format_duration

_MOST_ROWS = 40
_MOST_IN_WATERFALL = 8
_TONES = {Verdict.BETTER: "good", Verdict.WORSE: "error"}


def comparison_report(comparison: ProfileComparison, a: Profile, b: Profile) -> Report:
    subtitle = f"A  {subtitle_of(a)}\nB  {subtitle_of(b)}"
    titles = [title_of(a), title_of(b)]
    title = titles[0] if titles[0] == titles[1] else f"{titles[0]}  →  {titles[1]}"
    return Report(title, subtitle, tuple(_sections(comparison, a, b)))


def _sections(comparison: ProfileComparison, a: Profile, b: Profile) -> Iterator[Section]:
    yield Section("Verdict", (Lines(tuple(_verdict(comparison))),))
    yield Section("Figures", (_figures(comparison),), _how_sure(comparison))
    series = [
        (f"{name} {how}", values)
        for name, profile in (("A", a), ("B", b))
        for how, values in step_series(profile)
    ]
    if series:
        longest = max(len(values) for _, values in series)
        labels = tuple(str(number) for number in range(1, longest + 1))
        yield Section(STEPS, (Bars(labels, tuple(series), "ns"),), "Duration of each step.")
    explanation = comparison.explanation
    if explanation.a_ns and explanation.b_ns:
        yield Section("Where the difference comes from", _explained(comparison))
    for name, profile in (("A", a), ("B", b)):
        for section in sections_of(profile):
            if section.title == STEPS:  # both are drawn together above
                continue
            yield replace(section, title=f"{name}: {section.title}")


def _verdict(comparison: ProfileComparison) -> Iterator[Line]:
    if comparison.latency is not None:
        tone = _TONES.get(comparison.latency.verdict, "")
        yield Line(verdict_sentence(comparison.latency) + ".", tone=tone)
    yield from (Line(caution, tone="warning") for caution in comparison.cautions)


def _how_sure(comparison: ProfileComparison) -> str:
    per = "Step times are per sample. " if comparison.per_sample else ""
    return f"{per}Intervals hold the change in 95 of 100 cases."


def _figures(comparison: ProfileComparison) -> Grid:
    columns = (
        Column("Figure", is_text=True), Column("A"), Column("B"), Column("B beside A"),
        Column("95 % interval", is_extra=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                pair.metric.title,
                format_value(pair.a, pair.metric.unit),
                format_value(pair.b, pair.metric.unit),
                format_change(pair),
                format_noise(pair),
            ),
            tone=_TONES.get(pair.verdict, "text"),
        )
        for pair in comparison.figures
    )
    return Grid(columns, rows)


def _explained(comparison: ProfileComparison) -> tuple[Block, ...]:
    explanation = comparison.explanation
    told = [explained_sentence(explanation, per_sample=comparison.per_sample)]
    told += fusion_sentences(explanation)
    if comparison.parity is not None:
        told.append(sentence(comparison.parity))
    named = [(_title(row), row.difference_ns) for row in explanation.rows]
    leading = explanation.leading(_MOST_IN_WATERFALL)
    changes = [named[at] for at in leading if named[at][1]]
    rest = sum(change for at, (_, change) in enumerate(named) if at not in leading)
    if rest:
        changes.append(("everything else", rest))
    drawn = Waterfall(("A", explanation.a_ns), tuple(changes), ("B", explanation.b_ns))
    columns = (
        Column("Part", is_text=True), Column("A"), Column("B"), Column("Difference"),
        Column("Share"), Column("Operators", is_text=True, is_extra=True),
        Column("", is_text=True, is_extra=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                _title(row),
                format_duration(row.a_ns),
                format_duration(row.b_ns),
                format_duration(row.difference_ns),
                format_share(explanation, row),
                row.operators[1] or row.operators[0],
                ROW_KINDS[row.kind] if row.title else "",
            ),
            0.0 if explanation.is_noise else min(abs(explanation.share(row)), 1.0),
            tone="error" if row.difference_ns > 0 else "good",
        )
        for row in (explanation.rows[at] for at in explanation.leading(_MOST_ROWS))
    )
    count = len(explanation.rows) - _MOST_ROWS
    left_out = f"{count:,} further rows are left out." if count > 0 else ""
    return (
        Lines(tuple(Line(each) for each in told)),
        drawn,
        Grid(columns, rows, left_out, bar_column=4),
    )


def _title(row: ExplainedRow) -> str:
    return short_kernel_name(row.title) or ROW_KINDS[row.kind]
