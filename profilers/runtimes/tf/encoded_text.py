"""Text that a graph can read: an image where it decodes images, an Example where it parses them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

_IMAGES = frozenset({"DecodeImage", "DecodeJpeg", "DecodePng", "DecodeAndCropJpeg"})
_EXAMPLES = frozenset({"ParseExample", "ParseExampleV2", "ParseSingleExample"})
_SIDE = 64
_WORD = b"hello"


def with_encoded_text(function: Any, tensors: Sequence[Any]) -> list[Any]:
    """The tensors, those of text with something in them that the function decodes."""
    import tensorflow as tf

    is_text = [tensor.dtype == tf.string for tensor in tensors]
    text = _text_for(function.graph.as_graph_def()) if any(is_text) else _WORD
    if text == _WORD:
        return list(tensors)
    pairs = zip(tensors, is_text, strict=True)
    return [tf.fill(each.shape, text) if is_one else each for each, is_one in pairs]


def _text_for(graph_def: Any) -> bytes:
    bodies = [graph_def.node, *(each.node_def for each in graph_def.library.function)]
    words = _image() if any(node.op in _IMAGES for body in bodies for node in body) else _WORD
    for body in bodies:
        for node in body:
            if node.op in _EXAMPLES:
                return _example(node, {each.name: each for each in body}, words)
    return words


def _image() -> bytes:
    import tensorflow as tf

    grey = tf.fill((_SIDE, _SIDE, 3), tf.cast(128, tf.uint8))
    data: bytes = tf.io.encode_jpeg(grey).numpy()
    return data


def _example(node: Any, constants: dict[str, Any], words: bytes) -> bytes:
    """An encoded tf.train.Example with every feature of a fixed size that the node asks for."""
    import tensorflow as tf

    features = {}
    kinds, shapes = node.attr["Tdense"].list.type, node.attr["dense_shapes"].list.shape
    for key, kind, shape in zip(_dense_keys(node, constants), kinds, shapes, strict=False):
        count = int(np.prod([max(dimension.size, 1) for dimension in shape.dim]))
        features[key] = _feature(tf.as_dtype(kind), count, words)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    data: bytes = example.SerializeToString()
    return data


def _dense_keys(node: Any, constants: dict[str, Any]) -> Iterator[str]:
    """In the node itself, or in one constant, or in one constant each."""
    from tensorflow.python.framework import tensor_util

    if node.op == "ParseSingleExample":
        yield from (key.decode() for key in node.attr["dense_keys"].list.s)
        return
    first, count = 3, 1
    if node.op == "ParseExample":
        first, count = 2 + node.attr["Nsparse"].i, node.attr["Ndense"].i
    for text in node.input[first : first + count]:
        held = constants.get(text.partition(":")[0])
        if held is not None and held.op == "Const":
            values = tensor_util.MakeNdarray(held.attr["value"].tensor)
            yield from (key.decode() for key in np.atleast_1d(values))


def _feature(dtype: Any, count: int, words: bytes) -> Any:
    import tensorflow as tf

    if dtype == tf.string:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[words] * count))
    if dtype == tf.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[1] * count))
    return tf.train.Feature(float_list=tf.train.FloatList(value=[0.5] * count))
