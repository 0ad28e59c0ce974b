"""One training step of a Keras model on JAX: forward, loss, backward, optimiser."""

from collections.abc import Sequence
from typing import Any

from profilers.request import RunRequest
from profilers.runtimes.keras.jax_program import JaxProgram
from profilers.runtimes.keras.model import packed
from profilers.runtimes.keras.training import training_parts


def training_of(
    model: Any, arrays: Sequence[Any], names: Sequence[str], request: RunRequest
) -> JaxProgram:
    """The step that `request.options` asks for; the weights of each step are those of the last.

    Raises
    ------
    TwinscopeError
        If the model has nothing to train or the loss does not fit its outputs.
    """
    import jax
    import keras

    targets, loss_function, optimiser, _ = training_parts(model, names, arrays, request)
    trained, others = list(model.trainable_variables), list(model.non_trainable_variables)
    of_optimiser = list(optimiser.variables)

    def loss(
        values: Sequence[Any], fixed: Sequence[Any], inputs: Sequence[Any], wanted: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        pairs = list(zip([*trained, *others], [*values, *fixed], strict=True))
        with keras.StatelessScope(pairs, collect_losses=True) as scope:
            taken = packed(model, names, inputs)
            made = model(taken, training=True)
            total = loss_function(list(wanted), keras.tree.flatten(made), taken)
        return total, [scope.get_current_value(each) for each in others]

    def pure(given: Sequence[Any], values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        inputs, wanted = given[: len(names)], given[len(names) :]
        weights, fixed = list(values[: len(trained)]), list(values[len(trained) :])
        fixed, slots = fixed[: len(others)], fixed[len(others) :]
        (total, fixed), gradients = jax.value_and_grad(loss, has_aux=True)(
            weights, fixed, inputs, wanted
        )
        weights, slots = optimiser.stateless_apply(slots, gradients, weights)
        return [total], [*weights, *fixed, *slots]

    return JaxProgram(
        model,
        pure,
        [*arrays, *targets],
        [*names, *(f"target_{number}" for number in range(len(targets)))],
        [*trained, *others, *of_optimiser],
        of_optimiser,
    )
