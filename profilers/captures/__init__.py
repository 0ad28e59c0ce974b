"""Capture folders read into Profiles: one folder of modules per framework.

The module of a family module offers ``read(folder: Path, run: RunRecord, progress: Progress) -> Profile``.
A module may also offer ``begin(folder: Path) -> Any``, which reads what there is before the graph is
written; `read` then takes what it gave as ``begun``.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from profilers.captures.activations import with_activations
from profilers.captures.parameter_statistics import with_statistics
from profilers.captures.run_facts import with_sweep
from profilers.errors import DamagedFile
from profilers.profile import Profile
from profilers.run_record import RUN_FILE, RunRecord
from profilers.traces import Progress

FAMILIES: dict[str, str] = {  # as a run record names it: its module
    "torch": "pytorch.capture",
    "torch_distributed": "pytorch.distributed_capture",
    "tensorflow": "tf.capture",
    "jax": "jax.capture",
    "onnxruntime": "ort.capture",
    "tflite": "tflite.capture",
    "attached": "tf.attached_capture",
}


def read_capture(
    folder: Path,
    progress: Progress = lambda fraction: None,
    begun: Mapping[str, Any] | None = None,
) -> Profile:
    """The Profile of a capture folder.

    `begun` has what the reader of a family gave, by family.

    Raises
    ------
    DamagedFile
        If the folder lacks its run record or one of its files cannot be read.
    """
    try:
        run = RunRecord.read(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its {RUN_FILE} is missing or damaged ({error})"
        ) from error
    if run.family not in FAMILIES:
        raise DamagedFile(f"Cannot read the capture {folder}", f"unknown family {run.family!r}")
    further = {"begun": begun[run.family]} if begun and run.family in begun else {}
    profile: Profile = reader_of(run.family).read(folder, run, progress, **further)
    return with_activations(with_statistics(with_sweep(profile, run), folder), folder)


def reader_of(family: str) -> Any:
    """The module that reads captures of one of `FAMILIES`."""
    return import_module(f"profilers.captures.{FAMILIES[family]}")
