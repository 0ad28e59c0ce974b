"""Write the models that every TensorFlow mode is tried on: ``build_tf_modes OUT [NAME...]``.

Each Keras model as ``NAME.keras`` and as ``NAME_saved``; TensorFlow 1's graph as ``tf1_frozen.pb`` and
``tf1_saved``, which has two signatures and variables in a checkpoint.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
from keras import layers

sys.path.insert(0, str(Path(__file__).parent))
import build_keras_more
import keras_zoo
import matching_keras
import tf1_zoo


def resnet50() -> keras.Model:
    return keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=100)


def mobilenetv2() -> keras.Model:
    return keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), classes=100)


def encoder() -> keras.Model:
    return matching_keras.encoder(depth=2)


def gru() -> keras.Model:
    """A loop, since Keras unrolls nothing by itself."""
    return keras_zoo.recurrent()


def stacked_lstm() -> keras.Model:
    sequence = keras.Input((20, 8), name="sequence")
    x = layers.LSTM(32, return_sequences=True, name="lower")(sequence)
    x = layers.Bidirectional(layers.LSTM(16, name="upper"), name="both_ways")(x)
    return keras.Model(sequence, layers.Dense(4, name="head")(x), name="lstm")


MODELS = {
    "resnet50": resnet50,
    "mobilenetv2": mobilenetv2,
    "encoder": encoder,
    "lstm": stacked_lstm,
    "gru": gru,
    "multi": build_keras_more.multi,
}


def main(out: Path, wanted: list[str]) -> None:
    warnings.simplefilter("ignore")
    for name, make in MODELS.items():
        if not wanted or name in wanted:
            keras.utils.set_random_seed(0)
            model = make()
            model.save(out / f"{name}.keras")
            model.export(out / f"{name}_saved", verbose=False)
    if not wanted or "tf1" in wanted:
        tf1_zoo.write(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
