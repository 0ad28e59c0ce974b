"""Write SavedModels with operators that some compilers lack: ``build_unconvertible OUT``.

counting_saved changes a variable; mapped_saved loops over a batch that it knows. No deployment format has those of erfinv_saved; XLA has none of text_saved's. TFLite's converter gets
product_saved wrong.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow as tf


class InverseError(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Erfinv(x=tf.math.tanh(x))


class Text(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((4, 8), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        lengths = tf.strings.length(tf.strings.as_string(tf.nn.relu(x)))
        return tf.nn.softmax(x) + tf.cast(lengths, tf.float32)


class Product(tf.Module):
    """The ReLU behind a product of two inputs; TFLite's converter of TensorFlow 2.21 loses it."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((2, 8), tf.float32, name="a"),
            tf.TensorSpec((8, 4), tf.float32, name="b"),
        ]
    )
    def __call__(self, a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        gate = tf.nn.relu(tf.matmul(a, b), name="gate")
        return {"gated": gate + 1.0, "twice": 2.0 * a, "all": tf.reduce_sum(b, 1)}


class Counting(tf.Module):
    """Keeps a running mean of what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = tf.Variable(tf.zeros(4096))

    @tf.function(input_signature=[tf.TensorSpec((2, 4096), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(x, 0))
        return x - self.mean


class Mapped(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(tf.random.stateless_normal((16, 16), (0, 1)))

    @tf.function(input_signature=[tf.TensorSpec((3, 8, 16), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(lambda row: tf.matmul(row, self.weight), x)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    tf.saved_model.save(InverseError(), str(out / "erfinv_saved"))
    tf.saved_model.save(Text(), str(out / "text_saved"))
    tf.saved_model.save(Product(), str(out / "product_saved"))
    tf.saved_model.save(Counting(), str(out / "counting_saved"))
    tf.saved_model.save(Mapped(), str(out / "mapped_saved"))
