"""Where a PyTorch module comes from: a pickle, a Python file, a library's name, weights and code."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profilers.errors import TrustRequired, TwinscopeError
from profilers.models.model_code import ModelCode, parse_code
from profilers.request import RunRequest
from profilers.runtimes.pytorch.checkpoint import load_weights
from profilers.runtimes.pytorch.errors import first_line
from profilers.runtimes.pytorch.libraries import Notes, library_model
from profilers.runtimes.pytorch.missing import missing_classes
from profilers.runtimes.pytorch.python_code import run_python_file
from profilers.runtimes.pytorch.saved_device import moved_here


@dataclass(frozen=True)
class ModuleSource:
    """A module in evaluation mode, and what its source tells besides.

    Parameters
    ----------
    module : torch.nn.Module
    examples : callable, optional
        Gives the inputs that the person's own code wants to run it with.
    notes : tuple of (str, str)
        What to know about how it was made: message and remedy.
    """

    module: Any
    examples: Callable[[], Any] | None = None
    notes: Notes = ()


def load_source(request: RunRequest, device: Any) -> ModuleSource:
    """The module that a request names, on `device`.

    Raises
    ------
    TrustRequired
        If making it runs code that nobody agreed to run.
    MissingCode
        If code that it needs is not here.
    ModeUnavailable
        If the library that makes it is not installed.
    TwinscopeError
        If it cannot be made.
    """
    code = parse_code(request.code or request.model_path)
    if code is None or code.is_file:
        _require_trust(request)
    source = _unpickled(request, device) if code is None else _made(code, request)
    if request.code:
        notes = load_weights(source.module, Path(request.model_path))
        source = replace(source, notes=(*source.notes, *notes))
    return replace(source, module=source.module.to(device).eval())


def _require_trust(request: RunRequest) -> None:
    if not request.trusted:
        raise TrustRequired(
            f"{Path(request.model_path).name} was not loaded",
            "it can execute code while it loads",
            "Run it only if you trust where it comes from.",
        )


def _made(code: ModelCode, request: RunRequest) -> ModuleSource:
    if code.library:
        module, notes = library_model(code.library, code.entry)
        return ModuleSource(module, None, notes)
    entry = code.entry or ("" if request.code else request.signature)
    made, examples = run_python_file(Path(code.path), entry)
    return ModuleSource(_as_module(made, f"What {Path(code.path).name} makes"), examples)


def _unpickled(request: RunRequest, device: Any) -> ModuleSource:
    import torch

    path = Path(request.model_path)
    try:
        value = torch.load(path, map_location=device, weights_only=False)
    except (ModuleNotFoundError, AttributeError) as error:
        raise missing_classes(path, error, request.source_folder) from error
    except Exception as error:  # unpickling runs the file's own code
        raise TwinscopeError(
            f"{path.name} cannot be loaded", f"{type(error).__name__}: {first_line(error)}"
        ) from error
    module = _as_module(value, f"What {path.name} holds")
    return ModuleSource(module, notes=moved_here(path, device))


def _as_module(value: Any, what: str) -> Any:
    import torch

    if not isinstance(value, torch.nn.Module):
        raise TwinscopeError(
            f"{what} is no module", f"it is a {type(value).__name__}", "A torch.nn.Module can run."
        )
    return value
