"""A Keras model on JAX as one pure function of its inputs and weights, compiled by XLA."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profilers.captures.jax.files import GRAPH_FILE
from profilers.runtimes.keras.jaxpr import named, tagged
from profilers.runtimes.keras.model import packed, trace_failure

Pure = Callable[[Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]]


@dataclass
class JaxProgram:
    """One step of a model.

    Parameters
    ----------
    model : keras.Model
    pure : callable
        Takes what is given and the weights; gives results, and the weights after the step where it
        changes them.
    given : list of array
        Inputs, then targets.
    names : list of str
        Of what is given.
    weights : list of keras.Variable
    optimiser_weights : list of keras.Variable
        Those of `weights` that belong to an optimiser.
    """

    model: Any
    pure: Pure
    given: list[Any]
    names: list[str]
    weights: list[Any]
    optimiser_weights: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = [weight.value for weight in self.weights]
        self.weight_names = named(weight.path for weight in self.weights)
        self.is_updating = False
        self.document: dict[str, Any] = {}
        self._call: Callable[..., Sequence[Any]] | None = None

    def trace(self) -> None:
        """Trace the function; what runs from then on is the traced program.

        Raises
        ------
        TwinscopeError
            If tracing, which runs the model's own code, fails.
        """
        import jax
        from jax.extend.core import jaxpr_as_fun

        count = len(self.given)

        def model(*arguments: Any) -> list[Any]:
            results, weights = self.pure(arguments[:count], arguments[count:])
            self.is_updating = bool(weights)
            return [*results, *weights]

        try:
            closed = jax.make_jaxpr(model)(*self.given, *self.state)
        except Exception as error:
            raise trace_failure(error) from error
        program = tagged(closed, self._arguments())
        self.document = program.document
        run = jaxpr_as_fun(program.closed)
        run.__name__ = "model"
        updated = range(count, count + len(self.state)) if self.is_updating else ()
        self._call = jax.jit(run, keep_unused=True, donate_argnums=tuple(updated))

    def step(self) -> list[Any]:
        """Run one step and wait for its results."""
        import jax

        wait: Callable[[Any], Any] = jax.block_until_ready
        assert self._call is not None
        made = list(self._call(*self.given, *self.state))
        wait(made)
        if self.is_updating:
            at = len(made) - len(self.state)
            made, self.state = made[:at], made[at:]
        return made

    def write(self, folder: Path, layers: dict[str, str]) -> None:
        told = {**self.document, "layers": layers}
        (folder / GRAPH_FILE).write_text(json.dumps(told, ensure_ascii=False))

    def _arguments(self) -> list[dict[str, Any]]:
        of_optimiser = {id(weight) for weight in self.optimiser_weights}
        given = [{"name": name, "is_weight": False} for name in self.names]
        weights = [
            {"name": name, "is_weight": True, "is_of_optimiser": id(weight) in of_optimiser}
            for name, weight in zip(self.weight_names, self.weights, strict=True)
        ]
        return [*given, *weights]


def inference_of(model: Any, arrays: Sequence[Any], names: Sequence[str]) -> JaxProgram:
    """The forward pass; weights stay as they are."""
    import keras

    weights = list(model.variables)

    def pure(given: Sequence[Any], values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        with keras.StatelessScope(list(zip(weights, values, strict=True))):
            outputs = model(packed(model, names, given), training=False)
        return list(keras.tree.flatten(outputs)), []

    return JaxProgram(model, pure, list(arrays), list(names), weights)
