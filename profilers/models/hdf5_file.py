"""Keras HDF5 files (.h5): a whole model with its configuration, or weights alone."""

from pathlib import Path

from profilers.errors import DamagedFile
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.keras_config import KerasModel, KerasWeight, read_keras_config
from profilers.models.hdf5_metadata import Hdf5Metadata, read_metadata
from profilers.models.keras_dangers import config_dangers
from profilers.models.keras_file import input_specs, preview, read_json, stored_weights
from profilers.models.keras_modes import KERAS_MODES
from profilers.models.model_file import ModelFile
from profilers.probe import Probe
from profilers.profile import StringPool

_MAGIC = b"\x89HDF\r\n\x1a\n"
_CONFIG = "model_config"
_WEIGHTS = "model_weights"
_WEIGHTS_ALONE = (
    "The file holds weights without a model. Save the whole model with model.save(...), "
    "or load the weights into it first."
)


def matches(probe: Probe) -> bool:
    return probe.head.startswith(_MAGIC)


def inspect(path: Path) -> ModelFile:
    """Layers, inputs and dangers of a model; the parameters where there is no configuration.

    Raises
    ------
    DamagedFile
        If the file is cut, its configuration is unsound, or it is no Keras file.
    """
    pool = StringPool()
    try:
        metadata = read_metadata(path)
        text = metadata.attributes.get(_CONFIG)
        if text is None:
            return _weights_alone(path, metadata, pool)
        config = read_json(text.encode(), _CONFIG)
        model = read_keras_config(config, _model_weights(metadata), pool)
    except ValueError as error:
        raise DamagedFile.because(f"Cannot read the Keras file {path.name}", error) from error
    return ModelFile(
        path,
        "keras-h5",
        "Keras HDF5 model",
        "tensorflow",
        KERAS_MODES,
        input_specs(model.inputs),
        config_dangers(config, _CONFIG),
        preview(path.name, pool, model, metadata.attributes.get("keras_version", "")),
    )


def _weights_alone(path: Path, metadata: Hdf5Metadata, pool: StringPool) -> ModelFile:
    weights = stored_weights(metadata)
    by_keras = "layer_names" in metadata.attributes or any(
        path.split("/")[-2:-1] == ["vars"] for path, _, _ in metadata.datasets
    )
    if not weights or not by_keras:
        raise ValueError("it is an HDF5 file without a Keras model or weights")
    builder = GraphBuilder(pool)
    for weight in weights:
        builder.parameter("/".join(weight.path), weight.dtype, weight.shape)
    model = KerasModel(builder.build(), ())
    return ModelFile(
        path,
        "keras-h5",
        "Keras HDF5 weights",
        "tensorflow",
        (),
        preview=preview(path.name, pool, model, metadata.attributes.get("keras_version", "")),
        cannot_run=_WEIGHTS_ALONE,
    )


def _model_weights(metadata: Hdf5Metadata) -> list[KerasWeight]:
    """``model_weights/LAYER/WEIGHT NAME``; the weight's name may repeat the layer's."""
    weights = []
    for path, dtype, shape in metadata.datasets:
        root, *parts = path.split("/")
        if root != _WEIGHTS or len(parts) < 2:
            continue
        layer, *name = parts
        if layer in name[:-1]:  # written again, maybe after the model's name
            name = name[len(name) - name[::-1].index(layer) :]
        name[-1] = name[-1].removesuffix(":0")  # Keras 2
        weights.append(KerasWeight((layer, *name), dtype, shape))
    return weights
