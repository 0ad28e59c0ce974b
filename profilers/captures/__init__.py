"""Capture folders read into Profiles: one folder of modules per framework.

The module of a family module offers ``read(folder: Path, run: RunRecord, progress: Progress) -> Profile``.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from profilers import compiled
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


def prepare_reading(family: str) -> None:
    """Import and load what reading a capture of a family takes.

    The first reading of a program takes 0.7 s less then.
    """
    if family in FAMILIES:
        _reader(family)
    compiled.load_compiled()


def read_capture(folder: Path, progress: Progress = lambda fraction: None) -> Profile:
    """The Profile of a capture folder.

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
    profile: Profile = _reader(run.family).read(folder, run, progress)
    return with_activations(with_statistics(with_sweep(profile, run), folder), folder)


def _reader(family: str) -> Any:
    return import_module(f"profilers.captures.{FAMILIES[family]}")
