"""Inputs of Keras models that were saved before they were built: what their layers can take.

Such a model holds no weights yet and makes them for what it is given, so that sizes are free.
"""

from collections.abc import Mapping, Sequence

from profilers.graphs.builder import Shape

_CHANNELS = 8
_COLOURS = 3
_ROWS: Shape = (None, None)
_SERIES: Shape = (None, None, _CHANNELS)
_IMAGE: Shape = (None, None, None, _COLOURS)
_VIDEO: Shape = (None, 8, 32, 32, _COLOURS)
_TAKEN: dict[str, Shape] = {
    "BatchNormalization": _ROWS,
    "Bidirectional": _SERIES,
    "Conv1D": _SERIES,
    "Conv2D": _IMAGE,
    "Conv3D": _VIDEO,
    "ConvLSTM2D": _VIDEO,
    "Dense": _ROWS,
    "DepthwiseConv2D": _IMAGE,
    "Embedding": _ROWS,
    "Flatten": _IMAGE,
    "GRU": _SERIES,
    "LayerNormalization": _ROWS,
    "LSTM": _SERIES,
    "SeparableConv2D": _IMAGE,
    "SimpleRNN": _SERIES,
}


def guessed_shape(
    start: int, readers: Mapping[int, Sequence[int]], classes: Mapping[int, str]
) -> Shape:
    """Of the input at the node `start`: what the nearest layer that says so takes; None if none does."""
    waiting, seen = [start], {start}
    for node in waiting:
        for reader in readers.get(node, ()):
            if classes.get(reader) in _TAKEN:
                return _TAKEN[classes[reader]]
            if reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return None
