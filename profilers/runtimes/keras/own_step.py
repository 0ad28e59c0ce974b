"""What a Keras model's class brings of its own for training: a train_step, a compute_loss."""

from collections.abc import Sequence
from typing import Any

from profilers.request import RunRequest
from profilers.runtimes.tf.options import LOSS, OPTIMISER, OWN, is_training


def brings(model: Any, method: str) -> bool:
    """True if the class of the model has this method itself, in place of Keras's."""
    import keras

    return getattr(type(model), method, None) is not getattr(keras.Model, method)


def runs_own_step(model: Any, request: RunRequest) -> bool:
    """True if the file was compiled, has a train_step of its own, and nothing else was asked for."""
    wants_own = all(request.options.get(each.id) == OWN for each in (LOSS, OPTIMISER))
    is_compiled = getattr(model, "optimizer", None) is not None
    return (
        is_training(request.options) and wants_own and is_compiled and brings(model, "train_step")
    )


def prepare_own_step(model: Any, inputs: Any, targets: Any) -> None:
    """Create the metrics' variables: none may be created while the step is traced."""
    model._symbolic_build(data_batch=(inputs, targets))


def structure_of(outputs: Any) -> Any:
    """How the outputs are held: names in a dict, places in a list; without the tensors."""
    import keras

    return keras.tree.map_structure(lambda _: 0, outputs)


def as_given(tensors: Sequence[Any], structure: Any) -> Any:
    """The tensors held as the outputs are, as `fit` hands targets on; one in a list as it is."""
    import keras

    is_one = len(tensors) == 1 and not isinstance(structure, dict)
    return tensors[0] if is_one else keras.tree.pack_sequence_as(structure, list(tensors))


def told(model: Any) -> str:
    """For a mode that trains in its own way whatever the class brings."""
    return (
        f"{type(model).__name__} has a train_step of its own, which this mode does not run: its step is "
        "forward, loss, backward and optimiser."
    )
