"""What a Keras file brings of its own for training: losses, a train_step, a compute_loss."""

from collections.abc import Sequence
from typing import Any

from profilers.errors import TwinscopeError, first_line
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


def own_losses(model: Any, structure: Any) -> list[Any]:
    """The loss that the file was compiled with for each output, None where it has none for it."""
    import keras

    names = [str(path[-1]) if path else "" for path, _ in keras.tree.flatten_with_path(structure)]
    if not isinstance(structure, dict):
        names = list(getattr(model, "output_names", names))
    loss = model.loss
    if isinstance(loss, dict):
        return [loss.get(name) for name in names]
    flat = keras.tree.flatten(loss) if isinstance(loss, list | tuple) else [loss] * len(names)
    return flat if len(flat) == len(names) else [None] * len(names)


def prepare_losses(model: Any, targets: Any, outputs: Any) -> None:
    """Create the variables that keep each output's loss: none may be created in a replica.

    Raises
    ------
    TwinscopeError
        If the file's losses do not fit the outputs.
    """
    losses = getattr(model, "_compile_loss", None)
    if losses is None or losses.built:
        return
    try:
        losses.build(targets, outputs)
    except Exception as error:
        raise TwinscopeError(
            "The model cannot be trained with the file's own loss",
            first_line(error),
            "Choose another loss.",
        ) from error


def takes_classes(loss: Any, output: Any) -> bool:
    """True if a loss wants the number of a class, and refuses a share of each: it is tried."""
    import keras

    def is_taken(shape: Sequence[int], dtype: Any) -> bool:
        try:
            keras.losses.get(loss)(keras.ops.zeros(shape, dtype), output)
        except Exception:  # the file may bring a function of its own
            return False
        return True

    shape = tuple(output.shape)
    if loss is None or not shape or is_taken(shape, output.dtype):
        return False
    return is_taken(shape[:-1], "int32")


def told(model: Any) -> str:
    """For a mode that trains in its own way whatever the class brings."""
    return (
        f"{type(model).__name__} has a train_step of its own, which this mode does not run: its step is "
        "forward, loss, backward and optimiser."
    )
