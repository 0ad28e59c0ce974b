"""One training step or inference of a Keras model on every replica of a distribution strategy."""

from collections.abc import Iterable, Iterator
from typing import Any

from profilers.request import RunRequest
from profilers.runtimes.keras.model import forget_models, layer_classes, load_keras, packed
from profilers.runtimes.keras.on_tf import expected_inputs, traced_function
from profilers.runtimes.keras.training import TrainingStep
from profilers.runtimes.tf.inputs import bind_inputs
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import TracedModel


def load_in(strategy: Any, request: RunRequest) -> TracedModel:
    """The model mirrored over the strategy's devices; each replica gets a batch of the given size.

    Raises
    ------
    TwinscopeError
        As `keras_tf.load`.
    """
    forget_models()  # outside of the scope, which would be forgotten too
    with strategy.scope():
        model = load_keras(request)
        tensors, inputs = bind_inputs(request, expected_inputs(model, request))
        names = [spec.name for spec in inputs]
        is_trained = is_training(request.options)
        step = TrainingStep.of(model, names, tensors, request) if is_trained else None

        def inference(*given: Any) -> Any:
            return model(packed(model, names, given), training=False)

        def distributed(*given: Any) -> Any:
            return strategy.run(step or inference, args=given)

        arguments = [*tensors, *step.targets] if step else tensors
        named = [*names, *(f"target_{n}" for n in range(len(arguments) - len(names)))]
        function = traced_function(distributed, arguments, named)
    own = list(step.optimiser.variables) if step else []
    return TracedModel(
        function,
        function,
        arguments,
        inputs,
        variable_names=dict(_handles([*model.weights, *own])),
        layers=dict(layer_classes(model)),
        optimiser_variables={name for _, name in _handles(own)},
        owner=(model, step, strategy),
    )


def _handles(weights: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """Id of the handle and name of each weight's copy on each replica."""
    for weight in weights:
        copies = getattr(weight.value, "values", None) or [weight.value]
        for number, copy in enumerate(copies):
            yield id(copy.handle), f"{weight.path}/replica_{number}" if number else weight.path
