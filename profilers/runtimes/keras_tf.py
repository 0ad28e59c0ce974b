"""Runs a .keras or .h5 model on TensorFlow as one graph function."""

import importlib
import json
import logging
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.errors import TrustRequired, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf_inputs import bind_inputs
from profilers.runtimes.tf_session import (
    WORKER_ENVIRONMENT,
    TracedModel,
    first_line,
    run_traced,
)

__all__ = ["WORKER_ENVIRONMENT", "load", "run"]

logger = logging.getLogger(__name__)


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the model's inference function.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    import keras
    import tensorflow as tf

    framework = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"
    record = run_traced(request, folder, report, framework, load)
    record.facts["Keras"] = keras.__version__
    return record


def load(request: RunRequest) -> TracedModel:
    """The model's inference function. Raises as `run` does."""
    import keras
    import tensorflow as tf

    keras.backend.clear_session()  # layer names of an earlier model would shift this one's
    model = _load_model(request)
    tensors, inputs = bind_inputs(request, _expected(model, request))
    names = [spec.name for spec in inputs]

    def inference(*given: Any) -> Any:
        return model(_packed(model, names, given), training=False)

    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for tensor, name in zip(tensors, names, strict=True)
    ]
    try:
        function = tf.function(inference, autograph=False).get_concrete_function(*specs)
    except Exception as error:  # tracing runs the model's own code
        raise TwinscopeError(
            "The model cannot be run on these inputs",
            first_line(error),
            "Check the inputs' shapes and types.",
        ) from error
    return TracedModel(
        function,
        function,
        tensors,
        inputs,
        {id(weight.value.handle): weight.path for weight in model.weights},
        dict(_layers(model)),
        owner=model,
    )


def _load_model(request: RunRequest) -> Any:
    import keras

    path = Path(request.model_path)
    name = path.name
    try:
        if request.trusted:
            _import_own_modules(path)
        with _named_as_keras_wants(path) as named:
            return keras.saving.load_model(named, compile=False, safe_mode=not request.trusted)
    except Exception as error:  # the loader raises whatever its parts raise
        if not request.trusted and "safe_mode" in str(error):
            raise TrustRequired(
                f"{name} was not loaded",
                "it holds Python code, such as a Lambda layer",
                "Run it only if you trust where it comes from.",
            ) from error
        raise TwinscopeError(
            f"Keras cannot load {name}",
            _reason(error),
            "If it uses layers of your own, register them in a module beside the file.",
        ) from error


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
    if isinstance(config, list):
        return set().union(*map(_modules, config))
    if not isinstance(config, dict):
        return set()
    own = {config["module"]} if isinstance(config.get("module"), str) else set()
    return own.union(*map(_modules, config.values()))


def _reason(error: Exception) -> str:
    """Keras wraps the cause of a failure in pages of configuration; this is the cause."""
    _, found, cause = str(error).rpartition("Exception encountered: ")
    return cause.splitlines()[0] if found and cause else first_line(error)


def _expected(model: Any, request: RunRequest) -> dict[str, Any]:
    """What the model takes; a subclassed model does not say, so the request must."""
    import tensorflow as tf

    tensors = getattr(model, "inputs", None)
    if tensors:
        return {t.name: tf.TensorSpec(t.shape, t.dtype, t.name) for t in tensors}
    if not request.inputs:
        raise TwinscopeError(
            f"{Path(request.model_path).name} does not say what inputs it takes",
            "it is a subclassed model",
            "Give each input as NAME=SHAPE:DTYPE.",
        )
    return {s.name: tf.TensorSpec(s.shape, s.dtype, s.name) for s in request.inputs}


def _packed(model: Any, names: list[str], tensors: tuple[Any, ...]) -> Any:
    """The tensors in the structure that the model takes: one, a list or a dict."""
    if len(tensors) == 1:
        return tensors[0]
    structure = model.input if getattr(model, "inputs", None) else None
    if isinstance(structure, dict):
        by_name = dict(zip(names, tensors, strict=True))
        return {key: by_name[tensor.name] for key, tensor in structure.items()}
    return list(tensors)


def _layers(layer: Any) -> Iterator[tuple[str, str]]:
    """(name, class name) of a layer and of all layers within it."""
    yield layer.name, type(layer).__name__
    for inner in getattr(layer, "_layers", ()):
        yield from _layers(inner)
