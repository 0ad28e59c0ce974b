"""Write cnn, block and control in every TensorFlow and Keras format: ``build_tf OUT``.

Besides: files that can execute code (lambda, custom, adversarial, detector, file_access) and weights without a model.
Keras holds no branch on data without code of its own, so control.keras is a recurrent loop.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

sys.path.insert(0, str(Path(__file__).parent))
import keras_zoo
import tf1_zoo


def save_keras(name: str, model: keras.Model, out: Path) -> None:
    model.save(out / f"{name}.keras")
    if name != "control":
        model.save(out / f"{name}.h5")


def save_graphs(name: str, function: tf.types.experimental.ConcreteFunction, out: Path) -> None:
    """Frozen GraphDef, whose loops are those of TensorFlow 1, and TFLite."""
    frozen = convert_variables_to_constants_v2(function)
    (out / f"{name}_frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    (out / f"{name}.tflite").write_bytes(converter.convert())


def concrete(model: keras.Model) -> tf.types.experimental.ConcreteFunction:
    """The inference function for a batch of one."""
    given = model.inputs[0]
    spec = tf.TensorSpec((1, *given.shape[1:]), given.dtype, name=given.name)
    return tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)


def save_dangerous(out: Path) -> None:
    """Files whose loading or running reaches code, files or Python."""
    given = keras.Input((4,), name="x")
    scaled = layers.Lambda(lambda x: x * 2.0, name="scale")(given)
    scaling = keras.Model(given, scaled)
    scaling.save(out / "lambda.keras")
    scaling.save(out / "lambda.h5")
    keras.Model(given, keras_zoo.Scale(name="own")(given)).save(out / "custom.keras")
    for dtype in ("float8", "int8"):
        narrow = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="narrow")])
        narrow.quantize(dtype)
        narrow.save(out / f"{dtype}.keras")
    keras_zoo.adversarial().save(out / "adversarial.keras")
    keras_zoo.detector().save(out / "detector.keras")
    access = keras_zoo.FileAccess(str(out / "written.txt"))
    tf.saved_model.save(access, str(out / "file_access_saved"))
    keras_zoo.recurrent().save_weights(out / "only.weights.h5")


def save_odd(out: Path) -> None:
    """Inputs of text, of encoded things and of rows of different lengths, several signatures or none, operators of no
    build."""
    zoo = (
        keras_zoo.Words,
        keras_zoo.Rows,
        keras_zoo.Pictures,
        keras_zoo.Examples,
        keras_zoo.Sparse,
    )
    for made in (kind() for kind in zoo):
        call = made.__call__
        tf.saved_model.save(made, str(out / f"{made.name}_saved"), signatures=call)
    for name, made in (
        ("unsigned", keras_zoo.Control()),
        ("parts", keras_zoo.Parts()),
        ("untraced", keras_zoo.Untraced()),
    ):
        tf.saved_model.save(made, str(out / f"{name}_saved"), signatures={})
    tf.saved_model.save(tf.Module(), str(out / "empty_saved"))
    ids = keras.Input((None,), dtype="int32", ragged=True, name="ids")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(50, 8)(ids))
    keras.Model(ids, pooled).save(out / "ragged.keras")
    tf1_zoo.write(out)
    tf1_zoo.write_odd(out)
    graph = tf.compat.v1.GraphDef.FromString((out / "cnn_frozen.pb").read_bytes())
    for node in graph.node:
        node.op = {"Relu": "SoftenedRelu", "Mean": "KindMean"}.get(node.op, node.op)
    (out / "unknown_frozen.pb").write_bytes(graph.SerializeToString())


def main(out: Path) -> None:
    warnings.simplefilter("ignore")
    keras.utils.set_random_seed(0)
    for name, make in (("cnn", keras_zoo.cnn), ("block", keras_zoo.block)):
        model = make()
        save_keras(name, model, out)
        model.export(out / f"{name}_saved", verbose=False)
        save_graphs(name, concrete(model), out)
    recurrent = keras_zoo.recurrent()
    save_keras("control", recurrent, out)
    recurrent.export(out / "recurrent_saved", verbose=False)
    control = keras_zoo.Control()
    tf.saved_model.save(control, str(out / "control_saved"))
    save_graphs("control", control.__call__.get_concrete_function(), out)
    save_dangerous(out)
    save_odd(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
