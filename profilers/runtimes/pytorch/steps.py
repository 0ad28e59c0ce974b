"""What one step does with a model: its forward alone, or forward, loss, backward and optimiser."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from profilers.captures.pytorch.files import (
    BACKWARD_RANGE,
    FORWARD_RANGE,
    LOSS_RANGE,
    OPTIMISER_RANGE,
)
from profilers.errors import TwinscopeError
from profilers.runtimes.pytorch.options import LOSS, OPTIMISER, RUN, TRAINING, chosen
from profilers.runtimes.pytorch.outputs import tensors_in

Forward = Callable[..., Any]
Ranges = Callable[[str], AbstractContextManager[Any]]  # a range on the timeline, by its name
_LEARNING_RATE = 0.0  # the weights stay as the file has them, whatever the number of steps


@dataclass(frozen=True)
class Work:
    """One step of a model.

    Parameters
    ----------
    around : callable
        A context that holds while steps run.
    step : callable
        Takes the forward and the ranges to mark; gives a step without arguments.
    facts : dict
        Label to text, for the run record.
    told : callable
        What the capture's reader needs to know of the step; empty for inference.
    """

    around: Callable[[], AbstractContextManager[Any]]
    step: Callable[[Forward, Ranges], Callable[[], None]]
    facts: dict[str, str] = field(default_factory=dict)
    told: Callable[[], dict[str, Any]] = dict


def unmarked(name: str) -> AbstractContextManager[Any]:
    """No range: what is measured runs without any."""
    return nullcontext()


def work_of(options: dict[str, Any], owner: Any, inputs: Sequence[Any]) -> Work:
    """The step that the options ask for.

    Parameters
    ----------
    owner : torch.nn.Module
        Holds the weights; it is put into training mode for a training step.

    Raises
    ------
    TwinscopeError
        If there is nothing to train.
    """
    if chosen(options, RUN) == TRAINING:
        return training(owner, inputs, chosen(options, LOSS), chosen(options, OPTIMISER))
    return inference(inputs)


def inference(inputs: Sequence[Any]) -> Work:
    """The forward alone."""
    import torch

    def step(forward: Forward, ranges: Ranges) -> Callable[[], None]:
        return lambda: _drop(forward(*inputs))

    return Work(torch.inference_mode, step)


def training(owner: Any, inputs: Sequence[Any], loss: str, optimiser_name: str) -> Work:
    """Forward, loss, backward and optimiser; gradients are dropped at the end of each step."""
    import torch

    weights = {name: each for name, each in owner.named_parameters() if each.requires_grad}
    if not weights:
        raise TwinscopeError(
            "The model cannot be trained",
            "it has no weights that take a gradient",
            "Run its inference, in a mode that offers it.",
        )
    try:
        owner.train()
    except NotImplementedError as error:
        raise TwinscopeError(
            "The model cannot be trained",
            "an exported program is fixed to the mode that it was exported in",
            "Run a step of inference, or train the module that it was exported from.",
        ) from error
    optimiser = _OPTIMISERS[optimiser_name](torch.optim, list(weights.values()))
    loss_of = LOSSES[loss]()
    gradient_bytes: dict[str, int] = {}

    def step(forward: Forward, ranges: Ranges) -> Callable[[], None]:
        def one() -> None:
            with ranges(FORWARD_RANGE):
                outputs = forward(*inputs)
            with ranges(LOSS_RANGE):
                error = loss_of(outputs)
            with ranges(BACKWARD_RANGE):
                error.backward()
            if not gradient_bytes:
                gradient_bytes.update(_gradient_bytes(weights))
            with ranges(OPTIMISER_RANGE):
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)

        return one

    def told() -> dict[str, Any]:
        return {
            "loss": loss,
            "optimiser": type(optimiser).__name__,
            "gradient_bytes": gradient_bytes,
            "optimiser_state_bytes": _state_bytes(optimiser, weights),
        }

    facts = {"Training step": f"{loss} loss, {optimiser_name}, learning rate 0"}
    return Work(torch.enable_grad, step, facts, told)


def _sgd(optimisers: Any, weights: list[Any]) -> Any:
    return optimisers.SGD(weights, lr=_LEARNING_RATE)


def _momentum(optimisers: Any, weights: list[Any]) -> Any:
    return optimisers.SGD(weights, lr=_LEARNING_RATE, momentum=0.9)


def _adam(optimisers: Any, weights: list[Any]) -> Any:
    return optimisers.Adam(weights, lr=_LEARNING_RATE)


def _adamw(optimisers: Any, weights: list[Any]) -> Any:
    return optimisers.AdamW(weights, lr=_LEARNING_RATE)


_OPTIMISERS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "SGD": _sgd,
    "SGD with momentum": _momentum,
    "Adam": _adam,
    "AdamW": _adamw,
}


def _sum() -> Callable[[Any], Any]:
    return lambda outputs: sum(each.sum() for each in _trainable(outputs))


def _mean_square() -> Callable[[Any], Any]:
    """Against a target that is made once."""
    import torch
    from torch.nn import functional

    targets: list[Any] = []

    def loss(outputs: Any) -> Any:
        output = _trainable(outputs)[0]
        if not targets:
            targets.append(torch.randn_like(output.detach()))
        return functional.mse_loss(output, targets[0])

    return loss


def _cross_entropy() -> Callable[[Any], Any]:
    """Against classes that are drawn once; of sequences the last dimension is that of the classes."""
    import torch
    from torch.nn import functional

    targets: list[Any] = []

    def loss(outputs: Any) -> Any:
        scores = _trainable(outputs)[0]
        if scores.dim() == 3:
            scores = scores.flatten(0, 1)
        if scores.dim() < 2:
            raise ValueError("cross-entropy needs an output with a dimension of classes")
        if not targets:
            shape = (scores.shape[0], *scores.shape[2:])
            targets.append(torch.randint(scores.shape[1], shape, device=scores.device))
        return functional.cross_entropy(scores, targets[0])

    return loss


LOSSES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "mse": _mean_square,
    "cross-entropy": _cross_entropy,
    "sum": _sum,
}


def _trainable(outputs: Any) -> list[Any]:
    """The outputs that depend on the weights, out of whatever structure the model returns."""
    found = [each for each in tensors_in(outputs) if each.requires_grad]
    if not found:
        raise ValueError("none of the model's outputs depends on its weights")
    return found


def _gradient_bytes(weights: dict[str, Any]) -> dict[str, int]:
    return {
        name: weight.grad.numel() * weight.grad.element_size()
        for name, weight in weights.items()
        if weight.grad is not None
    }


def _state_bytes(optimiser: Any, weights: dict[str, Any]) -> dict[str, int]:
    """Bytes that the optimiser keeps for each weight."""
    import torch

    return {
        name: sum(
            value.numel() * value.element_size()
            for value in optimiser.state.get(weight, {}).values()
            if isinstance(value, torch.Tensor)
        )
        for name, weight in weights.items()
    }


def _drop(result: Any) -> None:
    """The result dies inside the step, so that its memory belongs to the step."""
