"""Write ResNet50, MobileNetV2 and a transformer as .keras, weights random: ``build_deployment OUT``."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from keras import layers

_IMAGE = (64, 64, 3)


def transformer(blocks: int = 3, width: int = 128, heads: int = 4) -> keras.Model:
    """An encoder with a classifier on top."""
    tokens = keras.Input((64,), dtype="int64", name="tokens")
    x = layers.Embedding(1000, width, name="embedding")(tokens)
    for block in range(blocks):
        y = layers.LayerNormalization(name=f"norm{block}a")(x)
        y = layers.MultiHeadAttention(heads, width // heads, name=f"attention{block}")(y, y)
        x = layers.Add(name=f"add{block}a")([x, y])
        y = layers.LayerNormalization(name=f"norm{block}b")(x)
        y = layers.Dense(4 * width, activation="gelu", name=f"wide{block}")(y)
        y = layers.Dense(width, name=f"narrow{block}")(y)
        x = layers.Add(name=f"add{block}b")([x, y])
    pooled = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(tokens, layers.Dense(10, name="head")(pooled), name="transformer")


def main(out: Path) -> None:
    keras.utils.set_random_seed(0)
    applications = keras.applications
    for name, make in (
        ("resnet50", applications.ResNet50),
        ("mobilenet_v2", applications.MobileNetV2),
    ):
        make(weights=None, input_shape=_IMAGE, classes=10).save(out / f"{name}.keras")
    transformer().save(out / "transformer.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
