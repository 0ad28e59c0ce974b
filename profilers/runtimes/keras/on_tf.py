"""Runs a .keras or .h5 model on TensorFlow as one graph function: inference or a training step."""

from dataclasses import replace
from pathlib import Path

from profilers.activations import is_wanted
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.keras.activations import write_activations
from profilers.runtimes.keras.model import forget_models
from profilers.runtimes.keras.tf_call import load_call, traced_model
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT, TracedModel, run_traced

__all__ = ["WORKER_ENVIRONMENT", "load", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the model's inference function or its training step.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    TwinscopeError
        If it cannot be loaded, trained or does not take the inputs.
    """
    import keras
    import tensorflow as tf

    framework = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"
    loaded: list[TracedModel] = []

    def load_first(request: RunRequest) -> TracedModel:
        traced = load(request)
        if not loaded:
            loaded.append(traced)
        return traced

    record = run_traced(request, folder, report, framework, load_first)
    record.facts["Keras"] = keras.__version__
    _, step = loaded[0].owner
    if step is not None and step.is_own:
        record.facts["Training step"] = f"{type(step.model).__name__}.train_step"
    if is_wanted(request.options) and not is_training(request.options):
        _write_activations(loaded[0], folder)
    return record


def _write_activations(traced: TracedModel, folder: Path) -> None:
    assert traced.untraced is not None
    names = [spec.name for spec in traced.inputs]
    write_activations(traced.owner[0], traced.untraced, traced.arguments, names, folder)


def load(request: RunRequest) -> TracedModel:
    """The model's function as `request.options["run"]` says. Raises as `run` does."""
    forget_models()
    loaded = load_call(request)
    return replace(traced_model(loaded, loaded.call), runs_nodes=True)
