"""A Keras model on TensorFlow as one call: its inference, or its training step."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.keras.model import load_keras, packed, trace_failure
from profilers.runtimes.keras.training import TrainingStep
from profilers.runtimes.tf.inputs import bind_inputs
from profilers.runtimes.tf.options import is_training


@dataclass(frozen=True)
class KerasCall:
    """`call` takes `arguments`: the inputs, and where it trains the targets behind them."""

    model: Any
    step: TrainingStep | None
    call: Callable[..., Any]
    arguments: list[Any]
    names: list[str]
    inputs: tuple[InputSpec, ...]

    @property
    def optimiser_variables(self) -> list[Any]:
        return list(self.step.optimiser.variables) if self.step else []


def load_call(request: RunRequest) -> KerasCall:
    """What `request.options["run"]` says of the model's file.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    TwinscopeError
        If it cannot be loaded, trained or does not take the inputs.
    """
    model = load_keras(request)
    tensors, inputs = bind_inputs(request, _expected_inputs(model, request))
    names = [spec.name for spec in inputs]
    if is_training(request.options):
        step = TrainingStep.of(model, names, tensors, request)
        targets = [f"target_{number}" for number in range(len(step.targets))]
        return KerasCall(model, step, step, [*tensors, *step.targets], [*names, *targets], inputs)

    def inference(*given: Any) -> Any:
        return model(packed(model, names, given), training=False)

    return KerasCall(model, None, inference, tensors, names, inputs)


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
        raise trace_failure(error) from error


def _expected_inputs(model: Any, request: RunRequest) -> dict[str, Any]:
    """What the model takes; a subclassed model does not say, so the request must."""
    import tensorflow as tf

    tensors = getattr(model, "inputs", None)
    if tensors:
        return {t.name: tf.TensorSpec(t.shape, t.dtype, t.name) for t in tensors}
    if not request.inputs:
        raise TwinscopeError(
            f"{Path(request.model_path).name} does not say what inputs it takes",
            "it is a subclassed model, or was never built",
            "Give each input as NAME=SHAPE:DTYPE.",
        )
    return {s.name: tf.TensorSpec(s.shape, s.dtype, s.name) for s in request.inputs}
