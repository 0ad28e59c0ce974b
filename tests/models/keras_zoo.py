"""Small Keras and TensorFlow models. Images are NHWC: the CPU kernels take no other layout."""

import keras
import tensorflow as tf
from keras import layers

_BIAS = keras.initializers.RandomNormal(stddev=0.1, seed=1)  # a zero bias would be folded away


def cnn() -> keras.Model:
    """Convolution, batch norm, activation, twice; pooled and classified. Input 1x32x32x3."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", bias_initializer=_BIAS, name="stem")(image)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.Conv2D(32, 3, 2, padding="same", bias_initializer=_BIAS, name="body")(x)
    x = layers.BatchNormalization(name="body_norm")(x)
    x = layers.ReLU(name="body_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(10, bias_initializer=_BIAS, name="head")(x), name="cnn")


def block(vocabulary: int = 100, width: int = 32, heads: int = 2) -> keras.Model:
    """Token embedding and one pre-norm encoder block. Input: int64 token ids 1x16 below 100."""
    tokens = keras.Input((16,), dtype="int64", name="tokens")
    x = layers.Embedding(vocabulary, width, name="embedding")(tokens)
    y = layers.LayerNormalization(name="norm1")(x)
    y = layers.MultiHeadAttention(heads, width // heads, name="attention")(y, y)
    x = layers.Add(name="add1")([x, y])
    y = layers.LayerNormalization(name="norm2")(x)
    y = layers.Dense(4 * width, activation="gelu", bias_initializer=_BIAS, name="mlp1")(y)
    y = layers.Dense(width, bias_initializer=_BIAS, name="mlp2")(y)
    return keras.Model(tokens, layers.Add(name="add2")([x, y]), name="block")


def recurrent() -> keras.Model:
    """The loop that Keras can hold without code of its own: a GRU over a masked sequence."""
    stack = [
        keras.Input((8, 16), name="sequence"),
        layers.Masking(name="masking"),
        layers.GRU(16, name="gru"),
        layers.Dense(16, bias_initializer=_BIAS, name="head"),
    ]
    return keras.Sequential(stack, name="control")


class Control(tf.Module):
    """A branch and a loop that both depend on the data. Input 1x16."""

    def __init__(self) -> None:
        super().__init__(name="control")
        generator = tf.random.Generator.from_seed(0)
        for name in ("first", "positive", "negative", "repeated"):
            setattr(self, name, tf.Variable(generator.normal((16, 16), stddev=0.25), name=name))

    @tf.function(input_signature=[tf.TensorSpec((1, 16), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("entry"):
            x = tf.matmul(x, self.first)
        x = tf.cond(
            tf.reduce_sum(x) > 0,
            lambda: tf.nn.relu(tf.matmul(x, self.positive)),
            lambda: tf.tanh(tf.matmul(x, self.negative)),
        )
        rounds = 2 + tf.cast(tf.reduce_max(x) > 0.5, tf.int32)
        _, x = tf.while_loop(
            lambda index, _: index < rounds,
            lambda index, y: (index + 1, tf.tanh(tf.matmul(y, self.repeated))),
            (0, x),
        )
        return x


@keras.saving.register_keras_serializable("zoo")
class Scale(layers.Layer):
    """A layer of the user's own."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * 2.0


@keras.saving.register_keras_serializable("zoo")
class Adversarial(keras.Model):
    """Trains in its own way: on what it is given, and on the same with noise."""

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        x, y = data
        with tf.GradientTape() as tape:
            noisy = self(x + tf.random.stateless_normal(tf.shape(x), (0, 1)), training=True)
            plain = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=plain) + self.compute_loss(y=y, y_pred=noisy)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def adversarial() -> keras.Model:
    x = keras.Input((8,), name="x")
    model = Adversarial(
        x, layers.Dense(4, bias_initializer=_BIAS, name="head")(x), name="adversarial"
    )
    model.compile("sgd", "mse")
    return model


@keras.saving.register_keras_serializable("zoo")
class Detector(keras.Model):
    """Trains on targets that go by the names of its outputs."""

    def train_step(self, data: tuple[tf.Tensor, dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
        x, y = data
        with tf.GradientTape() as tape:
            made = self(x, training=True)
            loss = tf.reduce_mean((y["box"] - made["box"]) ** 2)
            loss += tf.reduce_mean((y["kind"] - made["kind"]) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def detector() -> keras.Model:
    """Two outputs by name; the layers bear the names that Keras gives them."""
    x = keras.Input((8,), name="x")
    outputs = {"kind": layers.Dense(3, name="dense")(x), "box": layers.Dense(4, name="dense_1")(x)}
    model = Detector(x, outputs, name="detector")
    model.compile("sgd", "mse")
    return model


class Words(tf.Module):
    """Takes text."""

    def __init__(self) -> None:
        super().__init__(name="words")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def __call__(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"length": tf.strings.length(text), "words": tf.strings.split(text).row_lengths()}


class Rows(tf.Module):
    """Takes rows of different lengths."""

    def __init__(self) -> None:
        super().__init__(name="rows")

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.float32, ragged_rank=1)])
    def __call__(self, x: tf.RaggedTensor) -> tf.Tensor:
        return tf.reduce_sum(x, axis=1)


class Pictures(tf.Module):
    """Takes encoded images."""

    def __init__(self) -> None:
        super().__init__(name="pictures")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="encoded")])
    def __call__(self, encoded: tf.Tensor) -> tf.Tensor:
        decode = lambda each: tf.image.resize(tf.io.decode_png(each, 3), (8, 8))  # noqa: E731
        return tf.map_fn(decode, encoded, fn_output_signature=tf.float32)


class Examples(tf.Module):
    """Takes encoded features, as the estimators of TensorFlow 1 do."""

    def __init__(self) -> None:
        super().__init__(name="examples")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def __call__(self, examples: tf.Tensor) -> tf.Tensor:
        wanted = {
            "sizes": tf.io.FixedLenFeature([3], tf.float32),
            "number": tf.io.FixedLenFeature([], tf.int64),
            "word": tf.io.FixedLenFeature([2], tf.string),
        }
        found = tf.io.parse_example(examples, wanted)
        lengths = tf.strings.length(found["word"]) + tf.cast(found["number"], tf.int32)[:, None]
        return tf.reduce_sum(found["sizes"], 1, keepdims=True) + tf.cast(lengths, tf.float32)


class Sparse(tf.Module):
    """Takes a tensor that is told by its places and values."""

    def __init__(self) -> None:
        super().__init__(name="sparse")

    @tf.function(input_signature=[tf.SparseTensorSpec([None, 16], tf.float32)])
    def __call__(self, x: tf.SparseTensor) -> tf.Tensor:
        return tf.sparse.sparse_dense_matmul(x, tf.ones((16, 4)))


class Parts(tf.Module):
    """Functions of its own and of a part; the call was traced for two flags, `unused` never."""

    def __init__(self) -> None:
        super().__init__(name="parts")
        self.control = Control()
        self.rows = Rows()
        pair = {"right": tf.ones((2, 16)), "left": tf.ones((2, 16))}
        self(pair)
        self(pair, doubled=True)

    @tf.function
    def __call__(self, pair: dict[str, tf.Tensor], doubled: bool = False) -> dict[str, tf.Tensor]:
        product = tf.matmul(pair["left"], self.control.first) + pair["right"]
        return {"sum": product + product if doubled else product}

    @tf.function
    def unused(self, x: tf.Tensor) -> tf.Tensor:
        return x


class Untraced(tf.Module):
    """A function that nobody called before it is saved."""

    def __init__(self) -> None:
        super().__init__(name="untraced")

    @tf.function
    def encode(self, x: tf.Tensor) -> tf.Tensor:
        return x


class FileAccess(tf.Module):
    """Writes a file while it is loaded, reads one and calls Python when it runs."""

    def __init__(self, written: str) -> None:
        super().__init__(name="file_access")
        self.resource = _Writer(written)

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        length = tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)
        return tf.py_function(lambda y: y, [x], tf.float32) + length


class _Writer(tf.saved_model.experimental.TrackableResource):
    def __init__(self, written: str) -> None:
        super().__init__()
        self._written = written
        _ = self.resource_handle

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self) -> None:
        tf.io.write_file(self._written, "written while loading")
