"""The matrix: one model in every mode that runs it here, each row a profile of its own."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.autosave import Autosave
from app.capturing import captured
from profilers.analysis.mode_figures import ModeFigures, mode_figures
from profilers.analysis.result_error import ResultError, result_error
from profilers.errors import Cancelled, MissingCode, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.request import RunRequest
from profilers.run_record import RESULTS_FILE, RunRecord
from profilers.runtimes import RunMode, mode_named
from profilers.sweeps import BATCH
from profilers.worker_process import OnEvent

BATCHES = (1, 4, 16)
Results = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Variant:
    """A mode with the settings that a row stands for."""

    mode: RunMode
    options: dict[str, str]

    @property
    def title(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.mode.title} ({told})" if told else self.mode.title


@dataclass(frozen=True)
class MatrixRow:
    """What a variant came to.

    Attributes
    ----------
    snapshot : Path or None
        The autosaved profile; None if the run failed.
    figures : ModeFigures or None
    artefact_bytes : int or None
        Size on disk of what this mode runs.
    error : ResultError or None
        Against the results of the first row that ran; None for that row, and where they do not pair
        up.
    problem : str
        Why the run failed, "" if it did not.
    """

    variant: Variant
    snapshot: Path | None = None
    figures: ModeFigures | None = None
    artefact_bytes: int | None = None
    error: ResultError | None = None
    problem: str = ""


@dataclass(frozen=True)
class RowDone:
    """A row of a matrix has come to its end."""

    number: int
    row: MatrixRow


def variants_of(model: ModelFile) -> list[Variant]:
    """Every mode that takes the model and can run here, the model's own order kept."""
    modes = filter(None, map(mode_named, model.modes))
    return [
        Variant(mode, options)
        for mode in modes
        if mode.is_compared and not mode.obstacle(kind=model.kind)
        for options in _settings(mode)
    ]


def unavailable(model: ModelFile) -> list[tuple[str, str]]:
    """Title and reason of the modes that would take the model, were all they need here."""
    modes = filter(None, map(mode_named, model.modes))
    told = ((mode, mode.obstacle(kind=model.kind)) for mode in modes if mode.is_compared)
    return [(mode.title, obstacle.why) for mode, obstacle in told if obstacle]


def run_matrix(
    launcher: Launcher,
    variants: Sequence[Variant],
    base: RunRequest,
    autosave: Autosave,
    on_row: Callable[[int, MatrixRow], object],
    on_event: OnEvent = lambda event: None,
    cancelled: threading.Event | None = None,
) -> list[MatrixRow]:
    """Run the variants one after another on the same inputs and weights; blocks.

    Parameters
    ----------
    base : RunRequest
        Whatever the rows have in common; its mode and options are left out of account.
    on_row : callable
        Takes a row's number and what it came to, as soon as it is known.

    Raises
    ------
    Cancelled
        If `cancelled` was set. Any other failure is a row's own problem.
    """
    rows: list[MatrixRow] = []
    reference: Results | None = None
    lost: MissingCode | None = None
    for variant in variants:
        request = replace(
            base, mode=variant.mode.id, options=dict(variant.options), keep_results=True
        )
        try:
            if lost:
                raise lost  # no other mode would find the code
            row, results = _run(launcher, variant, request, autosave, on_event, cancelled)
        except MissingCode as error:
            lost = error
            row, results = MatrixRow(variant, problem=str(error)), None
        if reference is None:
            reference = results
        elif results is not None:
            row = replace(row, error=result_error(reference, results))
        on_row(len(rows), row)
        rows.append(row)
    return rows


def with_batches(request: RunRequest, sizes: Sequence[int]) -> RunRequest:
    """The request with further batch sizes to measure."""
    return replace(request, sweep={**request.sweep, BATCH: list(sizes)} if sizes else {})


def _settings(mode: RunMode) -> list[dict[str, str]]:
    compared = [option for option in mode.options if option.is_compared]
    chosen = itertools.product(*(option.choices for option in compared))
    names = [option.id for option in compared]
    return [dict(zip(names, values, strict=True)) for values in chosen]


def _run(
    launcher: Launcher,
    variant: Variant,
    request: RunRequest,
    autosave: Autosave,
    on_event: OnEvent,
    cancelled: threading.Event | None,
) -> tuple[MatrixRow, Results | None]:
    results: list[NDArray[Any]] = []
    made: list[int] = []

    def look(folder: Path) -> None:
        made.append(RunRecord.read(folder).artefact_bytes)
        if (folder / RESULTS_FILE).is_file():
            with np.load(folder / RESULTS_FILE, allow_pickle=False) as kept:
                results.extend(kept[name] for name in kept.files)

    try:
        profile, folder = captured(launcher, request, autosave, on_event, cancelled, look)
        path = autosave.keep(profile, folder)
    except (Cancelled, MissingCode):
        raise
    except TwinscopeError as error:
        return MatrixRow(variant, problem=str(error)), None
    size = made[0] or _bytes_of(Path(request.model_path))
    return MatrixRow(variant, path, mode_figures(profile), size), results or None


def _bytes_of(path: Path) -> int | None:
    """Size of a model's file, or of all files of its folder."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size if path.is_file() else None
