"""Write TFLite models that the interpreter refuses: ``build_tflite OUT``.

flex.tflite was converted with TensorFlow's operators as a fallback, custom.tflite and newer.tflite
name an operator and a version that no interpreter has, unset.tflite reads a variable that nothing
sets, dynamic.tflite takes any batch, half.tflite too with weights in half precision, fixed.tflite
one of two only, twofold.tflite has two signatures, of which the second looks rows up and loops;
partly.tflite has two, of which the first needs a fallback.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import flatbuffers
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

_FROM_THE_FUTURE = 99


def flex() -> bytes:
    spec = tf.TensorSpec((1, 8), tf.float32, name="x")
    function = tf.function(lambda x: tf.math.cumprod(x, axis=1)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    return bytes(converter.convert())


def dynamic(*, is_half: bool = False) -> bytes:
    spec = tf.TensorSpec((None, 8), tf.float32, name="x")
    weight = tf.random.stateless_normal((8, 4), (1, 2))
    function = tf.function(lambda x: tf.nn.relu(tf.matmul(x, weight)) + 1.0)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(spec)]
    )
    if is_half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def fixed() -> bytes:
    """Its rows are folded into the columns, for which the converter notes their number."""
    spec = tf.TensorSpec((2, 8), tf.float32, name="x")
    function = tf.function(lambda x: tf.transpose(tf.reshape(x, (2, 4, 2)), (1, 0, 2)) + 1.0)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(spec)]
    )
    return bytes(converter.convert())


class Counter(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sum = tf.Variable(tf.zeros((1, 8)))

    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.sum.assign_add(x) * 2.0


def unset() -> bytes:
    """What would set its variable is left out."""
    counter = Counter()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [counter.__call__.get_concrete_function()], counter
    )
    converter.experimental_enable_resource_variables = True
    model = schema.ModelT.InitFromPackedBuf(bytes(converter.convert()), 0)
    once = schema.BuiltinOperator.CALL_ONCE
    codes = [max(each.builtinCode, each.deprecatedBuiltinCode) for each in model.operatorCodes]
    graph = model.subgraphs[0]
    graph.operators = [each for each in graph.operators if codes[each.opcodeIndex] != once]
    return packed(model)


class Twofold(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = tf.Variable(tf.random.stateless_normal((50, 8), (3, 4)))

    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32, name="x")])
    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"code": tf.nn.relu(tf.matmul(x, self.table, transpose_b=True))}

    @tf.function(input_signature=[tf.TensorSpec((None, 6), tf.int32, name="tokens")])
    def look_up(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.reduce_mean(tf.gather(self.table, tokens), axis=1)
        while tf.reduce_sum(found) < 100.0:
            found = tf.abs(found) * 2.0 + 1.0
        return {"found": found}


def twofold() -> bytes:
    model = Twofold()
    signatures = {"encode": model.encode, "look_up": model.look_up}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder, signatures=signatures)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


class Partly(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32, name="x")])
    def multiplied(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"products": tf.math.cumprod(x, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32, name="x")])
    def scaled(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"double": tf.nn.relu(x) * 2.0}


def partly() -> bytes:
    model = Partly()
    signatures = {"multiplied": model.multiplied, "scaled": model.scaled}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
        return bytes(converter.convert())


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def changed(content: bytes, **changes: Any) -> bytes:
    """The model with its first operator's code changed."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for name, value in changes.items():
        setattr(model.operatorCodes[0], name, value)
    return packed(model)


def main(out: Path) -> None:
    plain = dynamic()
    (out / "dynamic.tflite").write_bytes(plain)
    (out / "half.tflite").write_bytes(dynamic(is_half=True))
    (out / "fixed.tflite").write_bytes(fixed())
    (out / "unset.tflite").write_bytes(unset())
    (out / "twofold.tflite").write_bytes(twofold())
    (out / "partly.tflite").write_bytes(partly())
    (out / "flex.tflite").write_bytes(flex())
    (out / "newer.tflite").write_bytes(changed(plain, version=_FROM_THE_FUTURE))
    custom = schema.BuiltinOperator.CUSTOM
    (out / "custom.tflite").write_bytes(
        changed(plain, builtinCode=custom, deprecatedBuiltinCode=custom, customCode=b"Mine")
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
