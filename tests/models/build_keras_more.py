"""Write Keras models that exercise linking: ``build_keras_more OUT``.

fused.keras holds a convolution with bias and ReLU, multi.keras takes two inputs, lstm.keras loops.
grouped.keras takes images of any size and convolves in groups, which Keras lets XLA compile alone.
gated.keras squeezes and excites with swish, hard.keras has ReLU6 between convolutions, masked.keras loops both ways over a mask, with dropout.
rated.keras is compiled with three losses; unbuilt.keras was never built.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from keras import layers
from keras.src.applications.convnext import StochasticDepth

_BIAS = keras.initializers.RandomNormal(stddev=0.1, seed=1)  # a zero bias would be folded away


def fused() -> keras.Model:
    """Convolution with bias and ReLU, which Grappler makes one operator; pooled."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu", bias_initializer=_BIAS, name="conv")(image)
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="fused")


def multi() -> keras.Model:
    """Two inputs of different size, joined."""
    left, right = keras.Input((8,), name="left"), keras.Input((4,), name="right")
    joined = layers.Concatenate(name="joined")([
        layers.Dense(16, activation="relu", bias_initializer=_BIAS, name="from_left")(left),
        layers.Dense(16, activation="relu", bias_initializer=_BIAS, name="from_right")(right),
    ])  # fmt: skip
    return keras.Model([left, right], layers.Dense(3, name="head")(joined), name="multi")


def lstm() -> keras.Model:
    sequence = keras.Input((20, 8), name="sequence")
    return keras.Model(sequence, layers.Dense(4)(layers.LSTM(16)(sequence)), name="lstm")


def gated() -> keras.Model:
    """A depthwise block as in EfficientNet."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 3, 2, padding="same", activation="swish", name="stem")(image)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depth")(x)
    x = layers.Activation("swish", name="swish")(layers.BatchNormalization(name="norm")(x))
    y = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    y = layers.Conv2D(4, 1, activation="swish", name="reduce")(y)
    y = layers.Conv2D(16, 1, activation="sigmoid", name="expand")(y)
    x = layers.Conv2D(8, 1, use_bias=False, name="project")(layers.Multiply(name="gate")([x, y]))
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="gated")


def hard() -> keras.Model:
    """Gated, with hard swish: parts that ONNX Runtime moves past transposes, as in MobileNetV3."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="stem")(image)
    x = layers.Activation("hard_swish", name="swish")(layers.BatchNormalization(name="norm")(x))
    x = layers.DepthwiseConv2D(3, 2, use_bias=False, name="depth")(layers.ZeroPadding2D()(x))
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm2")(x))
    y = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    y = layers.ReLU(name="relu2")(layers.Conv2D(8, 1, name="reduce")(y))
    y = layers.Activation("hard_sigmoid", name="gate")(layers.Conv2D(16, 1, name="expand")(y))
    x = layers.Multiply(name="gated")([x, y])
    x = layers.Conv2D(16, 1, use_bias=False, name="project")(x)
    x = layers.Activation("hard_swish", name="swish2")(layers.BatchNormalization(name="norm3")(x))
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="hard")


def grouped() -> keras.Model:
    """As the blocks of ConvNeXt; what is dropped of a block has no seed of its own."""
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 4, 4, bias_initializer=_BIAS, name="stem")(image)
    y = layers.Conv2D(8, 7, padding="same", groups=8, bias_initializer=_BIAS, name="depth")(x)
    y = layers.Dense(16, activation="gelu", name="wide")(layers.LayerNormalization(name="norm")(y))
    y = StochasticDepth(0.5, name="dropped")(layers.Dense(8, name="narrow")(y))
    x = layers.Add(name="added")([x, y])
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="grouped")


def masked() -> keras.Model:
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 8, mask_zero=True, name="embedding")(tokens)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, name="lower"), name="ways")(x)
    x = layers.LSTM(8, dropout=0.1, name="upper")(x)
    return keras.Model(tokens, layers.Dense(3, name="head")(x), name="masked")


def stateful() -> keras.Model:
    """Each call goes on where the last one ended."""
    given = keras.Input(batch_shape=(2, 5, 8), name="given")
    x = layers.LSTM(8, stateful=True, name="recurrent")(given)
    return keras.Model(given, layers.Dense(4, name="head")(x), name="stateful")


def rated() -> keras.Model:
    """Compiled with a loss of its own for each output, one of them over numbers of classes."""
    given = keras.Input((8,), name="given")
    code = layers.Dense(4, activation="relu", bias_initializer=_BIAS, name="code")(given)
    outputs = [
        layers.Dense(8, activation="sigmoid", name="again")(code),
        layers.Dense(5, activation="softmax", name="kind")(code),
        layers.Dense(1, name="size")(code),
    ]
    model = keras.Model(given, outputs, name="rated")
    losses = ["binary_crossentropy", "sparse_categorical_crossentropy", "mae"]
    model.compile("adam", losses, loss_weights=[1.0, 0.5, 0.1], metrics=[["mae"], ["accuracy"], []])
    return model


def unbuilt() -> keras.Model:
    """Saved before anything told it what it takes."""
    return keras.Sequential(
        [layers.LSTM(4, name="recurrent"), layers.Dense(2, name="head")], name="unbuilt"
    )


def main(out: Path) -> None:
    keras.utils.set_random_seed(0)
    makers = (fused, multi, lstm, gated, hard, masked, grouped, rated, stateful, unbuilt)
    for model in (make() for make in makers):
        model.save(out / f"{model.name}.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
