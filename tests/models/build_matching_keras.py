"""Write the Keras twins of `build_matching_torch`: ``build_matching_keras OUT [NAME.keras...]``."""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras

sys.path.insert(0, str(Path(__file__).parent))
import matching_keras

MODELS = {
    "resnet": matching_keras.resnet,
    "resnet_whole": matching_keras.resnet_whole,
    "encoder": matching_keras.encoder,
    "encoder_batch": matching_keras.encoder,
    "mobilenet": matching_keras.mobilenet,
    "unet": matching_keras.unet,
    "lstm": matching_keras.lstm,
    "densenet": matching_keras.densenet,
    "inception": matching_keras.inception,
    "nasnet": matching_keras.nasnet,
}


def main(out: Path, wanted: list[str]) -> None:
    warnings.simplefilter("ignore")
    for name, make in MODELS.items():
        if not wanted or f"{name}.keras" in wanted:
            keras.utils.set_random_seed(0)
            make().save(out / f"{name}.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
