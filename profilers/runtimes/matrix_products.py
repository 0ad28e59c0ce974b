"""A product of two square float32 matrices by each framework: how fast it can compute at most.

Each entry takes the number of threads and gives a function that computes one product of matrices of a
size and returns when it is there.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from profilers.graphs.protobuf_wire import field

Product = Callable[[int], None]


def _torch(threads: int) -> Product | None:
    import torch

    @cache
    def matrix(size: int) -> Any:
        return torch.rand(size, size)

    def product(size: int) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                torch.mm(matrix(size), matrix(size))
        finally:
            torch.set_num_threads(before)

    return product


def _tensorflow(threads: int) -> Product | None:
    import tensorflow as tf

    configured = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    if configured != threads:  # it cannot change any more in this process
        return None

    @cache
    def matrix(size: int) -> Any:
        return tf.random.uniform((size, size))

    def product(size: int) -> None:
        tf.linalg.matmul(matrix(size), matrix(size))

    return product


def _jax(threads: int) -> Product | None:
    import jax

    if int(os.environ.get("NPROC") or os.cpu_count() or 1) != threads:  # as in TensorFlow
        return None

    @cache
    def matrix(size: int) -> Any:
        with jax.default_device(jax.devices("cpu")[0]):
            return jax.numpy.full((size, size), 0.5, jax.numpy.float32)

    def product(size: int) -> None:
        jax.numpy.matmul(matrix(size), matrix(size)).block_until_ready()

    return product


def _onnxruntime(threads: int) -> Product | None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(_MATMUL, options, providers=["CPUExecutionProvider"])

    @cache
    def matrix(size: int) -> Any:
        return np.random.default_rng(0).random((size, size), np.float32)

    def product(size: int) -> None:
        session.run(["y"], {"a": matrix(size), "b": matrix(size)})

    return product


def _value(name: bytes) -> bytes:
    """A matrix of float32 of any sizes."""
    sizes = b"".join(field(1, field(2, size)) for size in (b"n", b"n"))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))


_MATMUL = field(1, 8) + field(  # an ONNX model of IR version 8 with one node
    7,
    field(1, field(1, b"a") + field(1, b"b") + field(2, b"y") + field(4, b"MatMul"))
    + field(2, b"g")
    + b"".join(field(number, _value(name)) for number, name in ((11, b"a"), (11, b"b"), (12, b"y"))),
) + field(8, field(2, 17))  # fmt: skip

MATRIX_PRODUCTS: dict[str, Callable[[int], Product | None]] = {
    "torch": _torch,
    "tensorflow": _tensorflow,
    "jax": _jax,
    "onnxruntime": _onnxruntime,
}
