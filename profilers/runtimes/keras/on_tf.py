"""Runs a .keras or .h5 model on TensorFlow as one graph function: inference or a training step."""

from pathlib import Path
from typing import Any

from profilers.activations import is_wanted
from profilers.errors import TwinscopeError, first_line
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.keras.activations import write_activations
from profilers.runtimes.keras.model import forget_models, layer_classes, load_keras, packed
from profilers.runtimes.keras.training import TrainingStep
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf.inputs import bind_inputs
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT, TracedModel, run_traced

__all__ = ["WORKER_ENVIRONMENT", "expected_inputs", "load", "run"]


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
    model = load_keras(request)
    tensors, inputs = bind_inputs(request, expected_inputs(model, request))
    names = [spec.name for spec in inputs]
    is_trained = is_training(request.options)
    step = TrainingStep.of(model, names, tensors, request) if is_trained else None

    def inference(*given: Any) -> Any:
        return model(packed(model, names, given), training=False)

    arguments = [*tensors, *step.targets] if step else tensors
    names_of_arguments = [*names, *(f"target_{n}" for n in range(len(arguments) - len(names)))]
    function = traced_function(step or inference, arguments, names_of_arguments)
    weights = [*model.weights, *(step.optimiser.variables if step else ())]

    return TracedModel(
        function,
        function,
        arguments,
        inputs,
        variable_names={id(weight.value.handle): weight.path for weight in weights},
        layers=dict(layer_classes(model)),
        optimiser_variables={w.path for w in step.optimiser.variables} if step else frozenset(),
        untraced=step or inference,
        owner=(model, step),
    )


def traced_function(call: Any, arguments: list[Any], names: list[str]) -> Any:
    """`call` as a ConcreteFunction for arguments like these.

    Raises
    ------
    TwinscopeError
        If tracing, which runs the model's own code, fails.
    """
    import tensorflow as tf

    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for tensor, name in zip(arguments, names, strict=True)
    ]
    try:
        return tf.function(call, autograph=False).get_concrete_function(*specs)
    except Exception as error:
        raise TwinscopeError(
            "The model cannot be run on these inputs",
            first_line(error),
            "Check the inputs' shapes and types.",
        ) from error


def expected_inputs(model: Any, request: RunRequest) -> dict[str, Any]:
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
