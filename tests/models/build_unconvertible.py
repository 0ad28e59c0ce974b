"""Write a SavedModel with an operator that no deployment format has: ``build_unconvertible OUT``."""

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


if __name__ == "__main__":
    tf.saved_model.save(InverseError(), str(Path(sys.argv[1]) / "erfinv_saved"))
