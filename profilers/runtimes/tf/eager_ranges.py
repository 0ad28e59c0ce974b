"""Ranges in the trace of an eager run that tell which Keras layer calls, and whose gradient is taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from profilers.captures.tf.files import LAYER_MARK, TAPE_SCOPE


@contextmanager
def layer_ranges(has_gradients: bool) -> Iterator[None]:
    """While it lasts, each call of a Keras layer is a range with the layer's name.

    With gradients, what a tape runs for an operator is a range with the names of its layers.
    """
    ranges = _Ranges()
    with ranges.of_layers():
        if not has_gradients:
            yield
            return
        with ranges.of_gradients():
            yield


class _Ranges:
    """Follows which layers are being called, and which of them used each tensor."""

    def __init__(self) -> None:
        self._layers: list[str] = []
        self._used_in: dict[tuple[str, int], str] = {}  # by operator and id; ids are used again
        self._last = ""

    @contextmanager
    def of_layers(self) -> Iterator[None]:
        import keras
        import tensorflow as tf

        plain = keras.layers.Layer.__call__
        mark = tf.profiler.experimental.Trace

        def inside_range(layer: Any, *arguments: Any, **named: Any) -> Any:
            self._layers.append(layer.name)
            try:
                with mark(f"{LAYER_MARK}{layer.name}"):
                    return plain(layer, *arguments, **named)
            finally:
                self._layers.pop()

        keras.layers.Layer.__call__ = inside_range
        try:
            yield
        finally:
            keras.layers.Layer.__call__ = plain

    @contextmanager
    def of_gradients(self) -> Iterator[None]:
        import tensorflow as tf
        from tensorflow.python import pywrap_tfe
        from tensorflow.python.eager import backprop
        from tensorflow.python.framework import op_callbacks

        plain, space = backprop._gradient_function, backprop._default_vspace
        mark = tf.profiler.experimental.Trace

        def inside_range(*arguments: Any) -> Any:
            operator, inputs, outputs = arguments[0], arguments[3] or (), arguments[4] or ()
            layers = self._layers_of(operator, [*outputs, *reversed(inputs)])
            with mark(f"{LAYER_MARK}{TAPE_SCOPE}/{layers}"):
                return plain(*arguments)

        def summed_inside_range(gradients: Any) -> Any:
            with mark(f"{LAYER_MARK}{TAPE_SCOPE}/{self._last}"):
                return space.aggregate_fn(gradients)

        op_callbacks.add_op_callback(self._remember)
        pywrap_tfe.TFE_Py_RegisterGradientFunction(inside_range)
        pywrap_tfe.TFE_Py_RegisterVSpace(space._replace(aggregate_fn=summed_inside_range))
        try:
            yield
        finally:
            pywrap_tfe.TFE_Py_RegisterGradientFunction(plain)
            pywrap_tfe.TFE_Py_RegisterVSpace(space)
            op_callbacks.remove_op_callback(self._remember)

    def _remember(
        self,
        op_type: str | bytes,
        inputs: Any,
        attrs: Any,
        outputs: Any,
        op_name: str | None = None,
        graph: Any = None,
    ) -> None:
        """An op callback: TensorFlow calls it by these names after each operator."""
        path = "/".join(self._layers)
        operator = op_type.decode() if isinstance(op_type, bytes) else op_type
        for tensor in (*inputs, *outputs):
            self._used_in[operator, id(tensor)] = path

    def _layers_of(self, operator: str, tensors: list[Any]) -> str:
        """The layers that called the operator on one of these tensors; a tape keeps not all of them.

        Weights come last among an operator's inputs and tell more than what other layers made.
        """
        known = (self._used_in.get((operator, id(each))) for each in tensors if each is not None)
        self._last = next((path for path in known if path is not None), self._last)
        return self._last
