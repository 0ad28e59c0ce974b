"""Write SavedModels with operators that some compilers lack: ``build_unconvertible OUT``.

counting_saved changes a variable; mapped_saved loops over a batch that it knows. No deployment format has those of erfinv_saved; XLA has none of text_saved's. TFLite's converter gets
product_saved wrong. greedy_saved makes a list of an open length, seen_saved sizes that depend on values.
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


class Greedy(tf.Module):
    """Looks up one word after the other, until a word ends the list."""

    def __init__(self) -> None:
        super().__init__()
        self.words = tf.Variable(tf.random.stateless_normal((30, 16), (0, 1)))

    @tf.function(input_signature=[tf.TensorSpec((1,), tf.int32, name="start")])
    def __call__(self, start: tf.Tensor) -> tf.Tensor:
        found = tf.TensorArray(tf.int32, size=0, dynamic_size=True, clear_after_read=False)
        state, word, number = tf.zeros((1, 16)), start, tf.constant(0)
        while number < 6:
            state = tf.tanh(state + tf.gather(self.words, word))
            score = tf.matmul(state, self.words, transpose_b=True)
            word = tf.argmax(score, -1, output_type=tf.int32)
            found = found.write(number, word)
            if word[0] == 29:
                break
            number += 1
        return found.stack()


class Seen(tf.Module):
    """Counts what it is given, and compares the sums of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = tf.Variable(tf.zeros(16))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.int32, name="kind"),
            tf.TensorSpec((None, 4, 4), tf.float32, name="x"),
        ]
    )
    def __call__(self, kind: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        self.counts.scatter_add(tf.IndexedSlices(tf.ones_like(kind, tf.float32), kind % 16))
        kinds, place = tf.unique(kind)
        sums = tf.math.unsorted_segment_sum(x, place, tf.size(kinds))
        return tf.linalg.matmul(sums, sums, transpose_b=True), self.counts


if __name__ == "__main__":
    out = Path(sys.argv[1])
    tf.saved_model.save(InverseError(), str(out / "erfinv_saved"))
    tf.saved_model.save(Text(), str(out / "text_saved"))
    tf.saved_model.save(Product(), str(out / "product_saved"))
    tf.saved_model.save(Counting(), str(out / "counting_saved"))
    tf.saved_model.save(Mapped(), str(out / "mapped_saved"))
    tf.saved_model.save(Greedy(), str(out / "greedy_saved"))
    tf.saved_model.save(Seen(), str(out / "seen_saved"))
