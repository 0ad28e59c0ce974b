"""Loads a .keras or .h5 file, whichever backend Keras runs on."""

import importlib
import json
import logging
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.errors import MissingCode, TrustRequired, TwinscopeError, first_line
from profilers.request import RunRequest
from profilers.runtimes.tf.options import LOSS, OPTIMISER, OWN, is_training

logger = logging.getLogger(__name__)

_MOST_NAMED = 5
_NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")
_LATE_VARIABLE = ("singleton tf.Variables", "Unable to lift tensor")  # of TensorFlow


def forget_models() -> None:
    """Forget earlier models: names of their layers would shift those of the next one."""
    import keras

    keras.backend.clear_session()


def load_keras(request: RunRequest) -> Any:
    """The model; where its own loss and optimiser are asked for, compiled as the file says.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    MissingCode
        If it names classes whose code is not found.
    TwinscopeError
        If Keras cannot load it.
    """
    import keras

    path = Path(request.model_path)
    name = path.name
    chosen = (request.options.get(each.id) for each in (LOSS, OPTIMISER))
    wants_own = is_training(request.options) and OWN in chosen
    try:
        if request.trusted:
            _import_own_modules(path)
        with _named_as_keras_wants(path) as named:
            return keras.saving.load_model(named, compile=wants_own, safe_mode=not request.trusted)
    except Exception as error:  # the loader raises whatever its parts raise
        if not request.trusted and "safe_mode" in str(error):
            raise TrustRequired(
                f"{name} was not loaded",
                "it holds Python code, such as a Lambda layer",
                "Run it only if you trust where it comes from.",
            ) from error
        unknown = _unknown_classes(path)
        if unknown:
            raise MissingCode(
                f"Keras cannot load {name}",
                f"the code of {_listed(unknown)} was not found",
                "Give the folder that holds the modules of these classes as the source folder (on the command line: "
                "--source-folder).",
            ) from error
        raise TwinscopeError(
            f"Keras cannot load {name}",
            _reason(error),
            "Check that the file is complete and was saved by this version of Keras or an older one.",
        ) from error


def _unknown_classes(path: Path) -> list[str]:
    """Classes that the configuration names and that are registered nowhere, by their full names."""
    import keras

    try:
        config = _config(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return []
    unknown: dict[str, None] = {}
    for item in _dicts(config):
        module, name, registered = (
            item.get(key) for key in ("module", "class_name", "registered_name")
        )
        is_own = isinstance(module, str) and module.partition(".")[0] in ("keras", "builtins")
        if not isinstance(name, str) or "config" not in item or is_own or name.startswith("__"):
            continue
        is_known = keras.saving.get_registered_object(str(registered or name)) is not None
        is_builtin = hasattr(keras.layers, name) or hasattr(keras, name)
        if not is_known and not (module is None and registered in (None, name) and is_builtin):
            unknown[f"{module}.{name}" if module else str(registered or name)] = None
    return list(unknown)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else shown


@contextmanager
def _named_as_keras_wants(path: Path) -> Iterator[str]:
    """Keras tells its formats apart by name; a renamed file is lent the right one."""
    suffix = ".keras" if zipfile.is_zipfile(path) else ".h5"
    if path.suffix in (suffix, ".hdf5"):
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / f"model{suffix}"
        shutil.copyfile(path, named)
        yield str(named)


def _import_own_modules(path: Path) -> None:
    """Import the modules that the config names, so that their layers are registered."""
    for module in _modules(_config(path)) - {"builtins"}:
        if module.partition(".")[0] != "keras":
            try:
                importlib.import_module(module)
            except ImportError:
                logger.info("the module %s is not here", module)


def _config(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def _modules(config: Any) -> set[str]:
    """All values of "module" in a nested config."""
    return {item["module"] for item in _dicts(config) if isinstance(item.get("module"), str)}


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    """Every dict within a nested config, itself included."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _reason(error: Exception) -> str:
    """Keras wraps the cause of a failure in pages of configuration; this is the cause."""
    _, found, cause = str(error).rpartition("Exception encountered: ")
    return first_line(ValueError(cause)) if found and cause else first_line(error)


def packed(model: Any, names: Sequence[str], tensors: Sequence[Any]) -> Any:
    """The tensors in the structure that the model takes: one, a list or a dict."""
    if len(tensors) == 1:
        return tensors[0]
    structure = model.input if getattr(model, "inputs", None) else None
    if isinstance(structure, dict):
        by_name = dict(zip(names, tensors, strict=True))
        return {key: by_name[tensor.name] for key, tensor in structure.items()}
    return list(tensors)


def trace_failure(error: Exception) -> TwinscopeError:
    """What the model's own code raised when a framework traced it on its inputs."""
    reason = first_line(error)
    if "differentiation does not work" in reason:
        return TwinscopeError(
            "The model cannot be trained in this framework", reason, "Run it as inference."
        )
    if any(sign in reason for sign in _LATE_VARIABLE):
        return TwinscopeError(
            "The model cannot be run as a graph",
            "one of its layers makes a variable each time it is called",
            "Let the layer make its variables and seed generators when it is made or built.",
        )
    if found := _NO_GRADIENT.search(reason):
        return TwinscopeError(
            "The model cannot be trained on TensorFlow",
            f"TensorFlow has no gradient of {found[1]}",
            "Run it as inference, or train it on PyTorch or JAX.",
        )
    return TwinscopeError(
        "The model cannot be run on these inputs", reason, "Check the inputs' shapes and types."
    )


def layer_classes(layer: Any) -> Iterator[tuple[str, str]]:
    """(name, class name) of a layer and of all layers within it."""
    yield layer.name, type(layer).__name__
    for inner in getattr(layer, "_layers", ()):
        yield from layer_classes(inner)
