"""Runs Keras files and TensorFlow graphs operator by operator, with ranges that tell layer or node."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.captures.tf.files import NODE_MARK
from profilers.errors import TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.keras import on_tf as keras_tf
from profilers.runtimes.keras.training import refuse_training
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf.eager_ranges import layer_ranges
from profilers.runtimes.tf.interpreter import Interpreter
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT, TracedModel, run_traced
from profilers.runtimes.tf.sources import is_keras, load_any

__all__ = ["WORKER_ENVIRONMENT", "run"]

_INTERPRETED = (
    "A SavedModel or frozen graph holds no Python, so its graph was run one operator after the other; "
    "the steps take longer than those of the program that it was saved from."
)


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a Keras file as Python runs it, or a graph node by node.

    Raises
    ------
    TwinscopeError
        As the modes that run these kinds as a graph, and if a graph cannot be run in parts.
    """
    import tensorflow as tf

    framework = f"TensorFlow {tf.__version__}, eager"
    if not is_keras(Path(request.model_path)):
        refuse_training(request)
        record = run_traced(request, folder, report, framework, _load_graph)
        record.warn(_INTERPRETED, "For honest times of a graph, run it in the mode tf-graph.")
        return record
    import keras

    tf.config.run_functions_eagerly(True)
    try:
        record = run_traced(request, folder, report, framework, _load_keras)
    finally:
        tf.config.run_functions_eagerly(False)
    record.facts["Keras"] = keras.__version__
    return record


def _load_keras(request: RunRequest) -> TracedModel:
    """The authored graph is what the same calls make when they are traced."""
    traced = keras_tf.load(request)
    assert traced.untraced is not None  # a Keras model is Python
    is_trained = is_training(request.options)
    if is_trained:
        _refuse_float8(traced.owner[0])
    return replace(
        traced,
        call=traced.untraced,
        marking=lambda: layer_ranges(is_trained),
        is_compiled=False,
        runs_nodes=False,
    )


def _refuse_float8(model: Any) -> None:
    """Keras gives the gradient of its float8 layers in a form that a tape takes in graphs only."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    names = [each.name for each in layers if getattr(each, "quantization_mode", None) == "float8"]
    if names:
        raise TwinscopeError(
            "The model cannot be trained in eager mode",
            f"its layer {names[0]} is quantised to float8, of which Keras has a gradient in graphs only",
            "Train it in the mode keras, or run it as inference.",
        )


def _load_graph(request: RunRequest) -> TracedModel:
    import tensorflow as tf

    traced = load_any(request)
    marks: list[Callable[[str], AbstractContextManager[Any]]] = [lambda name: nullcontext()]

    def mark(name: str) -> AbstractContextManager[Any]:
        return marks[-1](name)

    @contextmanager
    def ranges() -> Iterator[None]:
        marks.append(lambda name: tf.profiler.experimental.Trace(f"{NODE_MARK}{name}"))
        try:
            yield
        finally:
            marks.pop()

    call = Interpreter(traced.function, mark)
    return replace(traced, call=call, marking=ranges, is_compiled=False, runs_nodes=False)
