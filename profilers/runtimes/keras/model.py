"""Loads a .keras or .h5 file, whichever backend Keras runs on."""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.errors import ModeUnavailable, TrustRequired, TwinscopeError, first_line
from profilers.installing import install_command
from profilers.request import RunRequest
from profilers.runtimes.keras.own_code import (
    OwnCode,
    find_own_code,
    known_by_name,
    lacking_in_keras,
    lost_packages,
    missing_code,
    unknown,
)
from profilers.runtimes.tf.options import LOSS, OPTIMISER, OWN, is_training

_NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")
_NO_SHAPE = re.compile(r"infer the output shape / dtype of '(?P<name>[^']+)'")
_UNFIT_WEIGHTS = re.compile(
    r"A total of (?P<count>\d+) objects? could not be loaded.*?<\w+ name=(?P<name>[^,>]+)[^>]*>:\s*(?P<why>[^\n]+)",
    re.DOTALL,
)
_ONLY_ON_SOME = re.compile(r"`(?P<kind>ragged|sparse)=True` is not supported with the")
_SHAPES = re.compile(
    r"variable\.shape=(?P<taken>\([^)]*\)), Received: value\.shape=(?P<given>\([^)]*\))"
)
_BACKENDS = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}
_VALUES_READ = ("SymbolicTensor", "symbolic tf.Tensor", "symbolic `tf.Tensor`")
_BEFORE_CAUSE = (
    "Exception encountered: ",
    "Error encountered:",
)  # the second is also within a cause
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
    own = OwnCode({})
    try:
        if request.trusted:
            own = find_own_code(_config(path), request.source_folder)
        with _named_as_keras_wants(path) as named, known_by_name(own.objects):
            return keras.saving.load_model(
                named,
                custom_objects=dict(own.objects),
                compile=wants_own,
                safe_mode=not request.trusted,
            )
    except Exception as error:  # the loader raises whatever its parts raise
        if not request.trusted and "safe_mode" in str(error):
            raise TrustRequired(
                f"{name} was not loaded",
                "it holds Python code, such as a Lambda layer",
                "Run it only if you trust where it comes from.",
            ) from error
        raise _load_failure(request, own, error) from error


def _load_failure(request: RunRequest, own: OwnCode, error: Exception) -> TwinscopeError:
    """What is missing, of the file's own code or of Keras itself, else what the loader said."""
    import keras

    path = Path(request.model_path)
    what = f"Keras cannot load {path.name}"
    try:
        config = _config(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        config = {}
    lost = unknown(config, own.objects)
    packages = lost_packages(lost)
    if packages:
        return ModeUnavailable(
            what,
            f"it needs {' and '.join(packages)}, which this Python environment lacks",
            f"Install it ({install_command(packages)}).",
        )
    if lost:
        return missing_code(path.name, lost, request.source_folder, own.failures)
    unfit = _UNFIT_WEIGHTS.search(str(error))
    if unfit:
        return TwinscopeError(
            what,
            f"its weights do not fit {unfit['count']} of its objects, such as {unfit['name']} "
            f"({_misfit(unfit['why'])})",
            "Save the model again, so that weights and configuration belong together.",
        )
    layer = _NO_SHAPE.search(str(error))
    if layer:
        return TwinscopeError(
            what,
            f"its layer {layer['name']} fails on {_BACKENDS.get(keras.backend.backend(), 'this backend')}: {_reason(error).rstrip('.')}",
            "Mend the layer's code, or run the file on another framework.",
        )
    if refused := _ONLY_ON_SOME.search(str(error)):
        backend = _BACKENDS.get(keras.backend.backend(), "this backend")
        return TwinscopeError(
            what,
            f"it takes {refused['kind']} inputs, which Keras does not know on {backend}",
            "Run it on TensorFlow (the mode keras).",
        )
    lacking = lacking_in_keras(config)
    why = f"this Keras has no {' and no '.join(lacking)}" if lacking else _reason(error)
    return TwinscopeError(what, why, _version_remedy(path))


def _misfit(why: str) -> str:
    shapes = _SHAPES.search(why)
    if shapes is None:
        return why.rstrip(".")
    return f"it takes {shapes['taken']} and is given {shapes['given']}"


def _version_remedy(path: Path) -> str:
    import keras

    saved_by = _saved_by(path)
    if _numbers(saved_by) > _numbers(keras.__version__):
        return (
            f"It was saved by Keras {saved_by}, and {keras.__version__} is installed here: install a "
            "newer one."
        )
    return "Check that the file is complete and was saved by this version of Keras or an older one."


def _saved_by(path: Path) -> str:
    """The version of Keras that wrote the file, "" if it does not say."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json"))["keras_version"])
        import h5py

        with h5py.File(path) as file:
            return str(file.attrs["keras_version"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


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


def _config(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def _reason(error: Exception) -> str:
    """Keras wraps the cause of a failure in pages of configuration; this is the cause."""
    text = str(error)
    for sign in _BEFORE_CAUSE:
        cause = text.rpartition(sign)[2].strip() if sign in text else ""
        if cause:
            return first_line(ValueError(cause))
    return first_line(error)


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
    if any(sign in reason for sign in _VALUES_READ):
        return TwinscopeError(
            "The model cannot be run as a graph",
            f"its Python code reads the values of a tensor ({reason.rstrip('.')})",
            "Run it on PyTorch (the mode keras-torch), or use keras.ops.cond and the like.",
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
