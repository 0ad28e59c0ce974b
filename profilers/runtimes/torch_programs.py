"""Exported programs: loaded from a file, or made of a module on the spot."""

import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.request import RunRequest
from profilers.runtimes.torch_errors import first_line, load_failure

_LONGEST_REASON = 300
_PLACE = re.compile(r'File "(?P<file>[^"]+\.py)", line (?P<line>\d+), in forward')


def is_program(path: Path) -> bool:
    """Whether ``torch.export.save`` wrote the file."""
    return any("/models/" in name and name.endswith(".json") for name in _members(path))


def is_script(path: Path) -> bool:
    """Whether ``torch.jit.save`` wrote the file."""
    return any(name.endswith("/constants.pkl") for name in _members(path))


def is_package(path: Path) -> bool:
    """Whether AOTInductor wrote the file."""
    names = _members(path)
    return any("data/aotinductor/" in name for name in names) and not is_program(path)


def load_program(request: RunRequest, device: Any) -> Any:
    """The exported program of a file, on the device.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded.
    """
    import torch

    try:
        program = torch.export.load(request.model_path)
        if device.type != "cpu":
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, device)
    except Exception as error:  # the loader raises whatever its parts raise
        raise load_failure(
            error,
            Path(request.model_path),
            "Export it again with the version of PyTorch that is installed here.",
        ) from error
    return program


def exported(module: Any, inputs: Sequence[Any]) -> Any:
    """The program that torch.export makes of a module; whatever the exporter raises."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(module, tuple(inputs), strict=False)


def refusal(error: BaseException) -> str:
    """Why torch.export does not take a model, and where in the model that is."""
    places = _PLACE.findall(str(error))
    where = f" at {Path(places[-1][0]).name}:{places[-1][1]}" if places else ""
    return first_line(error)[:_LONGEST_REASON] + where


def export_failure(error: BaseException, instead: str) -> CaptureFailed:
    """A mode that needs an exported program of a model that cannot be exported."""
    return CaptureFailed(
        "torch.export cannot hold this model",
        refusal(error),
        f"{instead} Or replace what depends on the data by torch.cond and the like.",
    )


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
