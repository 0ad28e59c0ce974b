"""A TensorFlow process that works until its input ends, and offers its profiler: ``serving [idle]``.

Prints the port that it listens on once it works. With ``idle`` it only marks that it waits.
"""

import os
import socket
import sys
import threading

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow as tf


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    tf.profiler.experimental.server.start(port)

    @tf.function
    def served(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(tf.matmul(x, x))

    given = tf.random.stateless_normal((64, 64), (1, 2))
    served(given)
    print(port, flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    is_idle = sys.argv[1:] == ["idle"]
    while not ended.wait(0.01):
        if is_idle:
            with tf.profiler.experimental.Trace("waits"):
                continue
        served(given)


if __name__ == "__main__":
    main()
