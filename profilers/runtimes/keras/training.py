"""One training step of a Keras model on TensorFlow: forward, loss, backward, optimiser."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError, first_line
from profilers.request import RunRequest
from profilers.runtimes.keras.model import packed
from profilers.runtimes.keras.own_step import (
    as_given,
    brings,
    own_losses,
    prepare_losses,
    prepare_own_step,
    runs_own_step,
    structure_of,
    takes_classes,
)
from profilers.runtimes.tf.options import LOSS, OPTIMISER, OWN, is_training

_LEARNING_RATE = 0.0  # the weights stay as the file has them, whatever the number of steps
_SPARSE = "sparse cross-entropy"
_LOSSES = {
    "mse": "mean_squared_error",
    "cross-entropy": "categorical_crossentropy",
    _SPARSE: "sparse_categorical_crossentropy",
    "binary cross-entropy": "binary_crossentropy",
}


@dataclass(frozen=True)
class TrainingStep:
    """Called with the inputs, then the targets; returns the loss.

    Parameters
    ----------
    model : keras.Model
    names : sequence of str
        The inputs' names.
    targets : list of Tensor
        Random, one per output of the model.
    loss : callable
        Takes lists of targets and of outputs.
    optimiser : keras.optimizers.Optimizer
    structure : object
        How the model's outputs are held.
    is_own : bool
        Whether the model's class has a train_step of its own, which is run then.
    """

    model: Any
    names: Sequence[str]
    targets: list[Any]
    loss: Any
    optimiser: Any
    structure: Any
    is_own: bool = False

    @classmethod
    def of(
        cls, model: Any, names: Sequence[str], tensors: Sequence[Any], request: RunRequest
    ) -> "TrainingStep":
        """The step that `request.options` asks for.

        Raises
        ------
        TwinscopeError
            If the model has nothing to train or the loss does not fit its outputs.
        """
        targets, loss, optimiser, structure = training_parts(model, names, tensors, request)
        is_own = runs_own_step(model, request)
        if is_own:
            prepare_own_step(model, packed(model, names, tensors), as_given(targets, structure))
        return cls(model, names, targets, loss, optimiser, structure, is_own)

    def __call__(self, *given: Any) -> Any:
        import keras
        import tensorflow as tf

        inputs = packed(self.model, self.names, given[: len(self.names)])
        targets = given[len(self.names) :]
        if self.is_own:
            return self.model.train_step((inputs, as_given(targets, self.structure)))
        with tf.GradientTape() as tape:
            outputs = self.model(inputs, training=True)
            loss = self.loss(list(targets), keras.tree.flatten(outputs), inputs)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimiser.apply(gradients, self.model.trainable_variables)
        return loss


def training_parts(
    model: Any, names: Sequence[str], tensors: Sequence[Any], request: RunRequest
) -> tuple[list[Any], Any, Any, Any]:
    """Random targets, the loss and the optimiser, built, that `request.options` asks for, and how the
    outputs are held.

    Raises
    ------
    TwinscopeError
        If the model has nothing to train or the loss does not fit its outputs.
    """
    import keras

    outputs = outputs_of(model, names, tensors)  # this builds a model that never was
    refuse_untrainable(model)
    optimiser = optimiser_of(model, request.options[OPTIMISER.id])
    optimiser.build(model.trainable_variables)
    chosen = request.options[LOSS.id]
    structure = structure_of(outputs)
    rng = np.random.default_rng(request.seed)
    flat = keras.tree.flatten(outputs)
    targets = targets_of(flat, _losses_of(model, chosen, flat, structure), rng)
    if chosen == OWN:
        prepare_losses(model, as_given(targets, structure), outputs)
    return targets, loss_of(model, chosen, structure), optimiser, structure


def refuse_training(request: RunRequest) -> None:
    """Tell that only a Keras file can be trained.

    Raises
    ------
    TwinscopeError
        If the request asks for training.
    """
    if is_training(request.options):
        raise TwinscopeError(
            f"{Path(request.model_path).name} cannot be trained",
            "a SavedModel or frozen graph holds the forward pass only",
            "Run it as inference, or open the Keras file that it was made from.",
        )


def refuse_untrainable(model: Any) -> None:
    """Raise TwinscopeError if the model has nothing to train."""
    if not model.trainable_variables:
        raise TwinscopeError(
            "The model cannot be trained",
            "it has no trainable weights",
            "Run it as inference.",
        )


def optimiser_of(model: Any, chosen: str) -> Any:
    """The file's own or the chosen one."""
    import keras

    own = getattr(model, "optimizer", None)
    if chosen == OWN and own is not None:
        return own
    if chosen == "SGD with momentum":
        return keras.optimizers.SGD(_LEARNING_RATE, momentum=0.9)
    name = "AdamW" if chosen == OWN else chosen
    return keras.optimizers.get({"class_name": name, "config": {"learning_rate": _LEARNING_RATE}})


def loss_of(model: Any, chosen: str, structure: Any) -> Any:
    """Takes lists of targets and outputs, and the inputs; gives the sum over the outputs and over the
    layers' own losses.

    It is the file's own where the model was compiled with one, or its class has a compute_loss.
    """
    import keras

    is_compiled = getattr(model, "compiled", False)
    if chosen == OWN and is_compiled and (model.loss is not None or brings(model, "compute_loss")):

        def own(targets: list[Any], outputs: list[Any], inputs: Any) -> Any:
            wanted, made = as_given(targets, structure), as_given(outputs, structure)
            return model.compute_loss(x=inputs, y=wanted, y_pred=made)

        return own
    function = keras.losses.get(_LOSSES["mse" if chosen == OWN else chosen])

    def summed(targets: list[Any], outputs: list[Any], inputs: Any) -> Any:
        pairs = zip(targets, outputs, strict=True)
        first, *others = [keras.ops.mean(function(target, output)) for target, output in pairs]
        return sum([*others, *model.losses], start=first)

    return summed


def outputs_of(model: Any, names: Sequence[str], tensors: Sequence[Any]) -> Any:
    """What the model makes of its inputs: a tensor, a list or a dict of them.

    Raises
    ------
    TwinscopeError
        If it cannot be run on them.
    """
    try:
        return model(packed(model, names, tensors), training=False)
    except Exception as error:  # runs the model's own code
        raise TwinscopeError(
            "The model cannot be run on these inputs",
            first_line(error),
            "Check the inputs' shapes, types and ranges.",
        ) from error


def _losses_of(model: Any, chosen: str, outputs: Sequence[Any], structure: Any) -> list[str]:
    """Of each output the loss, as far as its targets depend on it."""
    if chosen != OWN or not getattr(model, "compiled", False):
        return [chosen] * len(outputs)
    pairs = zip(own_losses(model, structure), outputs, strict=True)
    return [_SPARSE if takes_classes(loss, output) else OWN for loss, output in pairs]


def targets_of(
    outputs: Sequence[Any], losses: Sequence[str], rng: np.random.Generator
) -> list[Any]:
    """Shares of classes for each output, or the number of a class where its loss wants that."""
    import keras

    targets = []
    for output, loss in zip(outputs, losses, strict=True):
        shape = tuple(output.shape)
        if loss == _SPARSE:
            classes = rng.integers(0, shape[-1], shape[:-1])
            targets.append(keras.ops.convert_to_tensor(classes, "int32"))
            continue
        values = rng.random(shape)
        total = values.sum(-1, keepdims=True) if shape and loss == "cross-entropy" else 1.0
        is_binary = loss.startswith("binary")
        chosen = (values > 0.5) if is_binary else values / total
        dtype = keras.backend.standardize_dtype(output.dtype)
        targets.append(keras.ops.cast(chosen, dtype))
    return targets
