"""Write the demo network as a .keras file: ``python -m resources.demo.keras_model OUT``."""

import sys

import keras
from keras import layers


def block(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    """Two convolutions around a shortcut."""
    y = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv1")(x)
    y = layers.BatchNormalization(name=f"{name}_bn1")(y)
    y = layers.ReLU(name=f"{name}_relu1")(y)
    y = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv2")(y)
    y = layers.BatchNormalization(name=f"{name}_bn2")(y)
    y = layers.Add(name=f"{name}_add")([y, x])
    return layers.ReLU(name=f"{name}_relu2")(y)


def demo_net(width: int = 32, classes: int = 10) -> keras.Model:
    """Stem, three residual blocks, and a classifier."""
    inputs = keras.Input((64, 64, 3), name="x")
    x = layers.Conv2D(
        width, 3, strides=2, padding="same", bias_initializer="random_normal", name="stem"
    )(inputs)
    x = layers.ReLU(name="stem_relu")(x)
    for number in (1, 2, 3):
        x = block(x, width, f"block{number}")
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="demo_net")


def main(path: str) -> None:
    keras.utils.set_random_seed(0)
    demo_net().save(path)


if __name__ == "__main__":
    main(sys.argv[1])
