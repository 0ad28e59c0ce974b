"""Models that installed libraries make by name, with random weights; nothing is downloaded."""

import os
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from traceback import walk_tb
from typing import Any

from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.runtimes.pytorch.errors import first_line, root_cause

Notes = tuple[tuple[str, str], ...]  # message and remedy
_NEVER_BLAMED = ("torch", "importlib", "profilers", "None")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def library_model(library: str, name: str) -> tuple[Any, Notes]:
    """A module that `library` knows under `name`, and what to know about it.

    Parameters
    ----------
    library : str
        "torchvision", "timm" or "transformers".
    name : str
        As the library names it; for transformers also a folder that holds a checkpoint, or a class.

    Raises
    ------
    ModeUnavailable
        If the library is not installed, or does not fit this PyTorch.
    TwinscopeError
        If it cannot make such a model.
    """
    for variable in _OFFLINE:
        os.environ[variable] = "1"
    package = _imported(library)
    try:
        return _MAKERS[library](package, name)
    except TwinscopeError:
        raise
    except Exception as error:  # whatever the library raises
        cause = root_cause(error)
        if isinstance(error, ImportError) and cause is not error:  # it imports its models lazily
            raise _import_failure(library, cause) from error
        raise TwinscopeError(
            f"{library} cannot make {name}",
            f"{type(error).__name__}: {first_line(error)}",
            "See the library's own list of models.",
            traceback.format_exc(),
        ) from error


def _imported(library: str) -> Any:
    try:
        return import_module(library)
    except Exception as error:  # a build for another PyTorch fails in many ways
        raise _import_failure(library, error) from error


def _import_failure(library: str, error: BaseException) -> ModeUnavailable:
    """What an import of `library` failed for; a package that is not there, or one that is broken."""
    if isinstance(error, ModuleNotFoundError):
        missing = str(error.name).partition(".")[0]
        return ModeUnavailable(
            f"{library} cannot be used here",
            f"{missing} is not installed in the Python that runs models",
            f"Install it with: pip install {missing}.",
        )
    culprit = _failing_package(error) or library
    reason = first_line(error)
    return ModeUnavailable(
        f"{library} cannot be imported",
        reason if culprit == library else f"it needs {culprit}, which fails: {reason}",
        f"Install the build of {culprit} that was made for this PyTorch.",
        "".join(traceback.format_exception(error)),
    )


def _failing_package(error: BaseException) -> str:
    """The installed package whose own code was last when an import failed; PyTorch is never blamed."""
    packages = [
        str(frame.f_globals.get("__name__")).partition(".")[0]
        for frame, _ in walk_tb(error.__traceback__)
    ]
    own = [each for each in packages if each not in _NEVER_BLAMED]
    return own[-1] if own else ""


def _torchvision(package: Any, name: str) -> tuple[Any, Notes]:
    models = import_module("torchvision.models")
    extra = {"weights_backbone": None} if name.startswith(("detection/", "segmentation/")) else {}
    return models.get_model(name, weights=None, **extra), ()


def _timm(package: Any, name: str) -> tuple[Any, Notes]:
    return package.create_model(name, pretrained=False), ()


def _transformers(package: Any, name: str) -> tuple[Any, Notes]:
    if Path(name).is_dir():
        return package.AutoModel.from_pretrained(name, local_files_only=True), ()
    model_class = getattr(package, name, None)
    if isinstance(model_class, type) and hasattr(model_class, "config_class"):
        return model_class(_uncached(model_class.config_class())), ()
    try:
        config = package.AutoConfig.from_pretrained(name, local_files_only=True)
        notes: Notes = ()
    except (OSError, ValueError):
        kind = _model_type(name, list(package.CONFIG_MAPPING.keys()))
        config = package.CONFIG_MAPPING[kind]()
        notes = () if kind == name else (_default_note(name, kind),)
    return package.AutoModel.from_config(_uncached(config)), notes


def _model_type(name: str, known: list[str]) -> str:
    """The longest model type that a checkpoint's name begins with: bert-base-uncased is a bert."""
    plain = _plain(name.rpartition("/")[2])
    found = [kind for kind in known if kind == name or plain.startswith(_plain(kind))]
    if not found:
        raise TwinscopeError(
            f"transformers knows no model {name}",
            "its configuration is not on this machine, and its name begins like no model type",
            "Download it first, or give a model type such as bert or gpt2.",
        )
    return max(found, key=len)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _default_note(name: str, kind: str) -> tuple[str, str]:
    return (
        f"The configuration of {name} is not on this machine, so this is a {kind} of the library's "
        "default size.",
        "Download the configuration to run the real one.",
    )


def _uncached(config: Any) -> Any:
    """Key-value caches are no tensors, and exporters refuse them."""
    if hasattr(config, "use_cache"):
        config.use_cache = False
    return config


_MAKERS: dict[str, Callable[[Any, str], tuple[Any, Notes]]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "transformers": _transformers,
}
