"""The matrix in words: the cells that window and command line show, and plain data for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.matrix import MatrixRow
from profilers.analysis.mode_figures import ModeFigures
from profilers.analysis.result_error import ResultError
from profilers.units import format_bytes, format_duration

FIRST_CALL = "First call"
HEADINGS = (
    "Mode", FIRST_CALL, "Step", "95 % interval", "Samples/s (by batch)", "Peak memory", "On disk",
    "Error, largest", "mean", "Cosine", "Same class",
)  # fmt: skip
_REFERENCE = ("reference", "", "", "")
_NO_ERROR = ("not comparable", "", "", "")


def cells_of(row: MatrixRow, *, is_reference: bool = False) -> tuple[str, ...]:
    """One text per heading."""
    if row.figures is None:
        return (row.variant.title, *[""] * (len(HEADINGS) - 1))
    size = "" if row.artefact_bytes is None else format_bytes(row.artefact_bytes)
    return (row.variant.title, *_figure_cells(row.figures), size, *_errors(row, is_reference))


def plain_row(row: MatrixRow) -> Mapping[str, Any]:
    """As JSON: times in ns, sizes in bytes; None where a run does not tell."""
    return {
        "mode": row.variant.mode.id,
        "options": row.variant.options,
        "title": row.variant.title,
        "problem": row.problem or None,
        "artefact_bytes": row.artefact_bytes,
        "figures": None if row.figures is None else asdict(row.figures),
        "error": None if row.error is None else asdict(row.error),
    }


def _figure_cells(figures: ModeFigures) -> tuple[str, ...]:
    step = figures.step_ns
    interval = ""
    if step is not None and step.low < step.high:
        interval = f"{format_duration(round(step.low))} to {format_duration(round(step.high))}"
    return (
        "" if figures.first_call_ns is None else format_duration(figures.first_call_ns),
        "" if step is None else format_duration(round(step.value)),
        interval,
        _throughputs(figures),
        "" if figures.peak_bytes is None else format_bytes(figures.peak_bytes),
    )


def _throughputs(figures: ModeFigures) -> str:
    told = {batch: _short(each) for batch, each in figures.per_second.items()}
    told |= dict.fromkeys(figures.unmeasured, "failed")
    return "  ".join(f"{batch}: {text}" for batch, text in sorted(told.items()))


def unmeasured_text(row: MatrixRow) -> str:
    """Which batch sizes have no figure, and why; "" if all have one."""
    problems = row.figures.unmeasured if row.figures else {}
    by_reason: dict[str, list[str]] = {}
    for batch, problem in problems.items():
        by_reason.setdefault(problem, []).append(str(batch))
    return "; ".join(f"batch {', '.join(sizes)}: {why}" for why, sizes in by_reason.items())


def _errors(row: MatrixRow, is_reference: bool) -> tuple[str, ...]:
    if is_reference:
        return _REFERENCE
    return _NO_ERROR if row.error is None else _error_cells(row.error)


def _error_cells(error: ResultError) -> tuple[str, ...]:
    return (
        f"{error.largest:.2g}",
        f"{error.mean:.2g}",
        f"{error.cosine:.6f}",
        "" if error.same_class is None else f"{error.same_class:.1%}",
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
