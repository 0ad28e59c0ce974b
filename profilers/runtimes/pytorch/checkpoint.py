"""Puts the weights of a file into a module, and tells what did not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.runtimes.pytorch.errors import first_line

_INSIDE = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
_MOST_NAMED = 4


def load_weights(module: Any, path: Path) -> tuple[tuple[str, str], ...]:
    """Load a state dict, a checkpoint that holds one, or safetensors; executes none of it.

    Returns
    -------
    tuple of (str, str)
        A message and a remedy for weights that the file lacks or the model has no place for.

    Raises
    ------
    TwinscopeError
        If the file cannot be read, or none of its weights fits.
    """
    weights = _unwrapped(_state_dict(_read(path)))
    try:
        found = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # other shapes under the same names
        raise TwinscopeError(
            f"The weights of {path.name} do not fit the model",
            _last_line(error),
            "Choose the code that these weights were made with.",
        ) from error
    if len(found.unexpected_keys) == len(weights):
        raise TwinscopeError(
            f"The weights of {path.name} do not fit the model",
            f"it has no place for any of them, such as {_listed(found.unexpected_keys)}",
            "Choose the code that these weights were made with.",
        )
    return (
        *_note(found.missing_keys, "of the model are not in the file and stay random"),
        *_note(found.unexpected_keys, "of the file are not in the model"),
    )


def _read(path: Path) -> Any:
    import torch

    with path.open("rb") as stream:
        is_pickle = stream.read(9)[8:] != b"{"
    if not is_pickle:
        try:
            from safetensors.torch import load_file
        except ModuleNotFoundError as error:
            raise ModeUnavailable(
                f"{path.name} cannot be read",
                "safetensors is not installed in the Python that runs models",
                "Install it with: pip install safetensors.",
            ) from error
        return load_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the loader raises whatever it meets
        raise TwinscopeError(
            f"The weights of {path.name} cannot be read", first_line(error)
        ) from error


def _state_dict(value: Any) -> dict[str, Any]:
    """The outermost mapping of names to tensors."""
    import torch

    if isinstance(value, dict):
        tensors = {name: each for name, each in value.items() if isinstance(each, torch.Tensor)}
        inside = [value[key] for key in _INSIDE if isinstance(value.get(key), dict)]
        if tensors or not inside:
            return tensors
        return _state_dict(inside[0])
    return {}


def _unwrapped(weights: dict[str, Any]) -> dict[str, Any]:
    for prefix in _WRAPPERS:
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): each for name, each in weights.items()}
    return weights


def _note(keys: Sequence[str], what: str) -> list[tuple[str, str]]:
    return [(f"{len(keys):,} weights {what}: {_listed(keys)}.", "")] if keys else []


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else shown


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1].strip().rstrip(".")
