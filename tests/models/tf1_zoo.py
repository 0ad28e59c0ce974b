"""A TensorFlow 1 program: a graph of placeholders and variables, run by a Session."""

from pathlib import Path

import tensorflow as tf

tf1 = tf.compat.v1


def write(out: Path) -> None:
    """``tf1_saved`` with the signatures serving_default and features, and ``tf1_frozen.pb``."""
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        tf1.set_random_seed(0)
        image = tf1.placeholder(tf.float32, (None, 32, 32, 3), name="image")
        features, probabilities = _network(image)
        session.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        builder = tf1.saved_model.Builder(str(out / "tf1_saved"))
        signature = tf1.saved_model.predict_signature_def
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature({"image": image}, {"probabilities": probabilities}),
                "features": signature({"image": image}, {"features": features}),
            },
        )
        builder.save()
        frozen = tf1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [probabilities.op.name]
        )
        (out / "tf1_frozen.pb").write_bytes(frozen.SerializeToString())


def _network(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Two convolutions with bias and ReLU, pooled and classified; a loop refines the features."""
    x = _convolution(image, 16, "first")
    x = _convolution(x, 32, "second")
    features = tf.reduce_mean(x, [1, 2], name="pool")
    refine = _weight("refine", (32, 32))
    _, features = tf1.while_loop(
        lambda index, _: index < 3,
        lambda index, y: (index + 1, tf.tanh(tf.matmul(y, refine))),
        (0, features),
        name="refining",
    )
    with tf1.variable_scope("head"):
        logits = tf.matmul(features, _weight("kernel", (32, 10)))
    return features, tf.nn.softmax(logits, name="probabilities")


def _convolution(x: tf.Tensor, channels: int, scope: str) -> tf.Tensor:
    with tf1.variable_scope(scope):
        kernel = _weight("kernel", (3, 3, x.shape[-1], channels))
        bias = _weight("bias", (channels,))
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 2, "SAME"), bias))


def _weight(name: str, shape: tuple[int, ...]) -> tf.Tensor:
    """TensorFlow 1's own kind of variable, a reference."""
    initial = tf1.random_normal_initializer(stddev=0.1)
    return tf1.get_variable(name, shape, initializer=initial, use_resource=False)
