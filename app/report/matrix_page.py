"""The matrix as an HTML page: a table of modes, throughput by batch size, and what failed with why."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.matrix import MatrixRow, unavailable
from app.matrix_text import HEADINGS, cells_of, inputs_text, problems_of, throughput_text
from app.report.content import Bars, Column, Grid, Line, Lines, Report, Row, Section
from app.report.html import page
from app.report.whole_file import write_whole
from profilers.models import ModelFile
from profilers.request import RunRequest

_MODE, _STEP, _THROUGHPUT = (HEADINGS.index(each) for each in ("Mode", "Step", HEADINGS[4]))
_ON_A_PHONE = ("Mode", "Step", "Peak memory", "Error, largest")
_UNCERTAIN = "Errors are against the first row that ran, on the same inputs and weights."


def write(model: ModelFile, base: RunRequest, rows: Sequence[MatrixRow], path: Path) -> None:
    """Write the rows of a model that was run with `base`; raises OSError."""
    sections = tuple(_sections(rows, unavailable(model)))
    report = Report(f"{model.path.name} in every mode", inputs_text(base), sections)
    write_whole(path, page(report).encode())


def _sections(rows: Sequence[MatrixRow], missing: Sequence[tuple[str, str]]) -> Iterator[Section]:
    ran = [row for row in rows if row.figures is not None]
    if ran:
        yield Section("Modes", (_grid(ran),), _UNCERTAIN)
        bars = _bars(ran)
        if bars.labels:
            yield Section("Step", (bars,), "Median of the steps without the profiler.")
        yield Section("Samples per second", (_throughputs(ran),), "By batch size.")
    problems = [Line(who, why, "warning") for who, why in problems_of(rows)]
    problems += [Line(f"{who} was left out", why) for who, why in missing]
    if problems:
        yield Section("What has no figure, and why", (Lines(tuple(problems)),))


def _grid(ran: Sequence[MatrixRow]) -> Grid:
    kept = [at for at in range(len(HEADINGS)) if at != _THROUGHPUT]
    steps = [row.figures.step_ns.value if row.figures and row.figures.step_ns else 0 for row in ran]
    slowest = max(steps) or 1
    return Grid(
        tuple(Column(HEADINGS[at], at == _MODE, HEADINGS[at] not in _ON_A_PHONE) for at in kept),
        tuple(
            Row(tuple(_numbered(row, number)[at] for at in kept), step / slowest)
            for number, (row, step) in enumerate(zip(ran, steps, strict=True))
        ),
        bar_column=kept.index(_STEP),
    )


def _numbered(row: MatrixRow, number: int) -> tuple[str, ...]:
    """Its cells, with the number that it goes by in charts."""
    title, *figures = cells_of(row, is_reference=not number)
    return (f"{number + 1}. {title}", *figures)


def _bars(ran: Sequence[MatrixRow]) -> Bars:
    steps = {
        str(number + 1): row.figures.step_ns.value
        for number, row in enumerate(ran)
        if row.figures and row.figures.step_ns
    }
    return Bars(tuple(steps), (("by row of the table", tuple(steps.values())),), "ns")


def _throughputs(ran: Sequence[MatrixRow]) -> Grid:
    sizes = sorted(
        {
            size
            for row in ran
            if row.figures
            for size in (*row.figures.per_second, *row.figures.unmeasured)
        }
    )
    return Grid(
        (Column("Mode", is_text=True), *(Column(f"batch {size}") for size in sizes)),
        tuple(
            Row((row.variant.title, *(throughput_text(row, size) for size in sizes))) for row in ran
        ),
        bar_column=-1,
    )
