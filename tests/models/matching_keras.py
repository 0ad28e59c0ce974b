"""Known architectures in Keras, under other names than in `tests.models.matching_torch`."""

import keras
from keras import layers

_SMALL = keras.initializers.RandomNormal(stddev=0.1, seed=1)  # a zero bias would be folded away


def _dense(width: int, name: str, activation: str | None = None) -> layers.Dense:
    return layers.Dense(width, activation, bias_initializer=_SMALL, name=name)


def _normalised(x: keras.KerasTensor, y: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.LayerNormalization(epsilon=1e-5, name=f"{name}_ln")(
        layers.Add(name=f"{name}_residual")([x, y])
    )


def encoder(depth: int = 12, width: int = 128, heads: int = 4) -> keras.Model:
    """Post-norm encoder of Keras' own attention, one projection each. Input: token ids 1x32."""
    tokens = keras.Input((32,), dtype="int64", name="ids")
    x = layers.Embedding(1000, width, name="wordpiece")(tokens)
    places = keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1
    x = layers.Add(name="sum")([x, layers.Embedding(32, width, name="wpe")(places)])
    for number in range(depth):
        name = f"encoder{number}"
        attention = layers.MultiHeadAttention(
            heads, width // heads, bias_initializer=_SMALL, name=f"{name}_mha"
        )
        x = _normalised(x, attention(x, x), f"{name}_mha")
        y = _dense(4 * width, f"{name}_intermediate", "gelu")(x)
        x = _normalised(x, _dense(width, f"{name}_project")(y), f"{name}_ffn")
    x = layers.GlobalAveragePooling1D(name="pooled")(x)
    return keras.Model(tokens, _dense(10, "logits")(x), name="encoder")


def _twice(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    for letter in "ab":
        x = layers.Conv2D(
            width, 3, padding="same", activation="relu", bias_initializer=_SMALL,
            name=f"{name}_{letter}",
        )(x)  # fmt: skip
    return x


def unet(widths: tuple[int, ...] = (16, 32, 64, 128)) -> keras.Model:
    """Four levels with long skips. Input 1x64x64x3."""
    image = keras.Input((64, 64, 3), name="picture")
    x, kept = image, []
    for level, width in enumerate(widths):
        if level:
            x = layers.MaxPooling2D(2, name=f"shrink{level}")(x)
        x = _twice(x, width, f"contract{level}")
        kept.append(x)
    for level in range(len(widths) - 2, -1, -1):
        x = layers.Conv2DTranspose(
            widths[level], 2, 2, bias_initializer=_SMALL, name=f"enlarge{level}"
        )(x)
        x = layers.Concatenate(name=f"join{level}")([kept[level], x])
        x = _twice(x, widths[level], f"expand{level}")
    mask = layers.Conv2D(2, 1, bias_initializer=_SMALL, name="segmentation")(x)
    return keras.Model(image, mask, name="unet")


def lstm() -> keras.Model:
    """Tagging words. Input: token ids 1x20."""
    words = keras.Input((20,), dtype="int64", name="text")
    x = layers.Embedding(500, 32, name="lookup")(words)
    x = layers.LSTM(64, return_sequences=True, name="rnn_one")(x)
    x = layers.LSTM(48, return_sequences=True, name="rnn_two")(x)
    x = layers.Activation("tanh", name="squash")(x)
    return keras.Model(words, _dense(12, "labels")(x), name="tagger")


def resnet() -> keras.Model:
    return keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3))


def resnet_whole() -> keras.Model:
    """Of images of 224 pixels, as ResNet-50 was made for."""
    return keras.applications.ResNet50(weights=None)


def mobilenet() -> keras.Model:
    return keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3))


def densenet() -> keras.Model:
    return keras.applications.DenseNet121(weights=None, input_shape=(64, 64, 3))


def inception() -> keras.Model:
    return keras.applications.InceptionV3(weights=None, input_shape=(96, 96, 3))


def nasnet() -> keras.Model:
    return keras.applications.NASNetMobile(weights=None, input_shape=(64, 64, 3), include_top=False)
