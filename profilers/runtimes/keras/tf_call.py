"""A Keras model on TensorFlow as one call: its inference, or its training step."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.keras.model import layer_classes, load_keras, packed, trace_failure
from profilers.runtimes.keras.training import TrainingStep
from profilers.runtimes.tf.inputs import bind_inputs
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import TracedModel


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


def traced_model(loaded: KerasCall, call: Callable[..., Any], *owners: Any) -> TracedModel:
    """`call`, which runs the loaded one, as a function of its own.

    Parameters
    ----------
    owners : object
        What else is kept alive beside the model and its step.

    Raises
    ------
    TwinscopeError
        If tracing, which runs the model's own code, fails.
    """
    begin = time.perf_counter_ns()
    function = _traced_function(call, loaded.arguments, loaded.names)
    tracing_ns = time.perf_counter_ns() - begin
    own = loaded.optimiser_variables
    return TracedModel(
        function,
        function,
        loaded.arguments,
        loaded.inputs,
        variable_names=dict(_handles([*loaded.model.weights, *own])),
        layers=dict(layer_classes(loaded.model)),
        optimiser_variables={name for _, name in _handles(own)},
        untraced=call,
        owner=(loaded.model, loaded.step, *owners),
        tracing_ns=tracing_ns,
        notes=tuple(_ragged(loaded.model)),
    )


def _ragged(model: Any) -> Iterator[str]:
    """That inputs with rows of any length get rows of one: arrays are all that a run is given."""
    names = [each.name for each in getattr(model, "inputs", ()) if getattr(each, "ragged", False)]
    if names:
        yield f"Ragged inputs were given as plain tensors, all rows of one length: {', '.join(names)}."


def _traced_function(call: Any, arguments: list[Any], names: list[str]) -> Any:
    import tensorflow as tf

    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for tensor, name in zip(arguments, names, strict=True)
    ]
    try:
        return tf.function(call, autograph=False).get_concrete_function(*specs)
    except Exception as error:
        raise trace_failure(error) from error


def _handles(weights: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """Id of the handle and name of each weight, where a strategy mirrors it of each replica's copy."""
    for weight in weights:
        copies = getattr(weight.value, "values", None) or [weight.value]
        for number, copy in enumerate(copies):
            yield id(copy.handle), f"{weight.path}/replica_{number}" if number else weight.path


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
