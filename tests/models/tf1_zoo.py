"""A TensorFlow 1 program: a graph of placeholders and variables, run by a Session."""

from pathlib import Path
from typing import Any

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


def write_odd(out: Path) -> None:
    """Frozen graphs that leave something open, SavedModels, and the files of a checkpoint.

    ``tf1_open.pb`` has an image of unknown rank; ``tf1_words.pb`` holds what fills its lookup table and
    ``tf1_words_empty.pb`` does not; ``tf1_words_saved`` has a signature; ``tf1_counting`` changes
    a variable; ``tf1_unsigned`` has no signature, and holds what trains it; ``tf1_checkpoint`` has
    weights alone.
    """
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        tf1.set_random_seed(0)
        image = tf1.placeholder(tf.float32, None, name="image")
        gain = tf1.placeholder_with_default(tf.constant(1.0), (), name="gain")
        x = tf.nn.conv2d(image * gain, _weight("kernel", (3, 3, 5, 8)), 1, "SAME")
        result = tf.reduce_mean(x, [1, 2], name="pool")
        session.run(tf1.global_variables_initializer())
        _freeze(session, out / "tf1_open.pb", [result.op.name])
        folder = out / "tf1_checkpoint"
        folder.mkdir(exist_ok=True)
        tf1.train.Saver().save(session, str(folder / "model.ckpt"))
        tf.io.write_graph(graph.as_graph_def(), str(folder), "graph.pbtxt")
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        words = tf1.placeholder(tf.string, (None, 6), name="words")
        rows = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64))
        table = tf.lookup.StaticHashTable(rows, 0)
        result = tf.gather(_weight("embedding", (3, 8)), table.lookup(words), name="embedded")
        session.run(tf1.global_variables_initializer())
        filler = tf1.tables_initializer(name="fill")
        _freeze(session, out / "tf1_words.pb", [result.op.name, filler.name])
        _freeze(session, out / "tf1_words_empty.pb", [result.op.name])
        signature = tf1.saved_model.predict_signature_def({"words": words}, {"embedded": result})
        _save(session, out / "tf1_words_saved", {"serving_default": signature})
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        given = tf1.placeholder(tf.float32, (4,), name="given")
        total = tf.identity(tf1.assign_add(_weight("total", (4,)), given))
        session.run(tf1.global_variables_initializer())
        signature = tf1.saved_model.predict_signature_def({"given": given}, {"total": total})
        _save(session, out / "tf1_counting", {"serving_default": signature})
    with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
        tf1.set_random_seed(0)
        image = tf1.placeholder(tf.float32, (None, 16, 16, 3), name="image")
        kind = tf1.placeholder(tf.int64, (None,), name="kind")
        pooled = tf.reduce_mean(_convolution(image, 8, "first"), [1, 2])
        logits = tf.matmul(pooled, _weight("head", (8, 4)), name="logits")
        loss = tf1.losses.sparse_softmax_cross_entropy(kind, logits)
        tf1.train.AdamOptimizer().minimize(loss)
        tf.nn.softmax(logits, name="probabilities")
        session.run(tf1.global_variables_initializer())
        _save(session, out / "tf1_unsigned", None)


def _save(session: tf1.Session, folder: Path, signatures: dict[str, Any] | None) -> None:
    builder = tf1.saved_model.Builder(str(folder))
    filler = tf1.tables_initializer()
    builder.add_meta_graph_and_variables(session, ["serve"], signatures, main_op=filler)
    builder.save()


def _freeze(session: tf1.Session, path: Path, results: list[str]) -> None:
    graph = session.graph.as_graph_def()
    frozen = tf1.graph_util.convert_variables_to_constants(session, graph, results)
    path.write_bytes(frozen.SerializeToString())


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
