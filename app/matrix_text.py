"""The matrix in words: the cells that window and command line show, and plain data for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.matrix import MatrixRow
from profilers.analysis.mode_figures import ModeFigures
from profilers.analysis.result_error import ResultError
from profilers.request import RunRequest
from profilers.units import format_bytes, format_duration

FIRST_CALL = "First call"
HEADINGS = (
    "Mode", FIRST_CALL, "Step", "95 % interval", "Samples/s (by batch)", "Peak memory", "On disk",
    "Error, largest", "mean", "Cosine", "Same class",
)  # fmt: skip
_REFERENCE = ("reference", "", "", "")
_FAILED = "failed"
_NO_ERROR = ("not comparable", "", "", "")


def cells_of(row: MatrixRow, *, is_reference: bool = False) -> tuple[str, ...]:
    """One text per heading."""
    if row.figures is None:
        return (row.variant.title, *[""] * (len(HEADINGS) - 1))
    size = "" if row.artefact_bytes is None else format_bytes(row.artefact_bytes)
    return (row.variant.title, *_figure_cells(row.figures), size, *_errors(row, is_reference))


def inputs_text(base: RunRequest) -> str:
    """What every row was fed."""
    inputs = ", ".join(spec.text for spec in base.inputs) or "as the model says"
    return f"Inputs: {inputs}. {base.steps} steps on {base.device}."


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
    told |= dict.fromkeys(figures.unmeasured, _FAILED)
    return "  ".join(f"{batch}: {text}" for batch, text in sorted(told.items()))


def throughput_text(row: MatrixRow, batch: int) -> str:
    """Samples per second with a batch size, "failed" where it has none, "" where it was not asked."""
    if row.figures is None:
        return ""
    if batch in row.figures.unmeasured:
        return _FAILED
    found = row.figures.per_second.get(batch)
    return "" if found is None else _short(found)


def unmeasured_text(row: MatrixRow) -> str:
    """Which batch sizes have no figure, and why; "" if all have one."""
    return "; ".join(f"{sizes}: {why}" for sizes, why in _unmeasured(row))


def problems_of(rows: Sequence[MatrixRow]) -> list[tuple[str, str]]:
    """What failed, and why; modes that failed alike are told together."""
    who_by_why: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.problem:
            who_by_why.setdefault(("failed", row.problem), []).append(row.variant.title)
        for sizes, why in _unmeasured(row):
            who_by_why.setdefault((sizes, why), []).append(row.variant.title)
    every = [row.variant.title for row in rows]
    return [
        (f"{'Every mode' if 1 < len(titles) == len(every) else ', '.join(titles)} {told}", why)
        for (told, why), titles in who_by_why.items()
    ]


def _unmeasured(row: MatrixRow) -> list[tuple[str, str]]:
    """ "with batch 2, 3" and the reason that these sizes share."""
    problems = row.figures.unmeasured if row.figures else {}
    by_reason: dict[str, list[str]] = {}
    for batch, problem in problems.items():
        by_reason.setdefault(problem, []).append(str(batch))
    return [(f"with batch {', '.join(sizes)}", why) for why, sizes in by_reason.items()]


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
