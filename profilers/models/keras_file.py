"""Keras 3 archives (.keras): a ZIP with the configuration as JSON and the weights as HDF5."""

import errno
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile
from profilers.graphs.keras_config import KerasInput, KerasModel, KerasWeight, read_keras_config
from profilers.models.hdf5_metadata import Hdf5Metadata, read_metadata
from profilers.models.keras_dangers import config_dangers
from profilers.models.keras_modes import KERAS_MODES
from profilers.models.model_file import ModelFile
from profilers.models.tf_inputs import spec
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool
from profilers.request import InputSpec

_CONFIG = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
_MOST_CONFIG_BYTES = 16 * 2**20
_MOST_WEIGHT_BYTES = 8 * 2**30
_NOT_WEIGHTS = frozenset({"optimizer", "metrics", "loss"})
_MISPLACED = "a member of the archive is not where its directory says"
# What zipfile raises for cut, encrypted or inconsistent archives.
_UNSOUND_ARCHIVE = (
    KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_LOCAL_HEADER = 30  # bytes before the name in a ZIP member


def matches(probe: Probe) -> bool:
    """A ZIP with Keras's members; a cut one has no directory, but Keras writes these two first."""
    names = probe.zip_names
    if names:
        return _CONFIG in names and _METADATA in names
    is_zip = probe.head.startswith(b"PK\x03\x04")
    return is_zip and probe.head[_LOCAL_HEADER:].startswith((_METADATA.encode(), _CONFIG.encode()))


def inspect(path: Path) -> ModelFile:
    """Layers, inputs and dangers from config.json; shapes of the weights from the HDF5 metadata.

    Raises
    ------
    DamagedFile
        If the archive, its JSON or its HDF5 part is cut or absurdly large.
    """
    what = f"Cannot read the Keras model {path.name}"
    try:
        with zipfile.ZipFile(path) as archive:
            config = read_json(_member(archive, _CONFIG), _CONFIG)
            facts = read_json(_member(archive, _METADATA), _METADATA)
            has_weights = _WEIGHTS in archive.namelist()
            metadata = _weights_metadata(path, archive) if has_weights else None
        pool = StringPool()
        model = read_keras_config(config, stored_weights(metadata) if metadata else (), pool)
    except ValueError as error:
        raise DamagedFile.because(what, error) from error
    except _UNSOUND_ARCHIVE as error:
        raise DamagedFile.because(what, error, "its ZIP is cut off or damaged") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise DamagedFile.because(what, error, _MISPLACED) from error
    version = facts.get("keras_version") if isinstance(facts, dict) else None
    return ModelFile(
        path,
        "keras",
        "Keras model",
        "tensorflow",
        KERAS_MODES if has_weights else (),
        input_specs(model.inputs),
        config_dangers(config, _CONFIG),
        preview(path.name, pool, model, str(version or "")),
        ""
        if has_weights
        else "The archive holds no weights (model.weights.h5 is missing). Save the model again, whole.",
    )


def read_json(data: bytes, name: str) -> Any:
    """The JSON value; ValueError if it is no JSON or nested absurdly deep."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its {name} is no sound JSON") from error


def input_specs(inputs: Sequence[KerasInput]) -> tuple[InputSpec, ...]:
    """Token ids stay below the number of rows of the embedding that reads them."""
    specs = []
    for given in inputs:
        told = spec(given.name, given.dtype, given.shape)
        limit = float(given.rows) if given.rows else None
        low = 0.0 if given.rows else None
        specs.append(
            InputSpec(told.name, told.dtype, told.shape, low, limit, told.guessed or given.guessed)
        )
    return tuple(specs)


def preview(name: str, pool: StringPool, model: KerasModel, version: str) -> Profile:
    return Profile(
        name,
        pool.table(),
        graphs=(model.graph,),
        environment=Environment(
            "tensorflow", model_name=name, facts={"Saved by Keras": version} if version else {}
        ),
    )


def stored_weights(metadata: Hdf5Metadata) -> list[KerasWeight]:
    """Weights of a Keras 3 weights file by layer, each layer's in the order it created them.

    Groups are called after the layers' classes; the ``name`` attribute of a layer's ``vars`` group
    holds its real name.
    """
    weights = []
    for path, dtype, shape in sorted(metadata.datasets, key=lambda entry: _natural(entry[0])):
        *groups, name = path.split("/")
        if groups[:1] and groups[0] in _NOT_WEIGHTS:
            continue
        layers = []
        for depth, group in enumerate(groups):
            known = metadata.names.get("/".join([*groups[: depth + 1], "vars"]))
            if known is not None or group not in ("layers", "vars"):
                layers.append(known or group)
        weights.append(KerasWeight((*layers, name), dtype, shape))
    return weights


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in path.split("/")]


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of a small member, whatever size it claims to have."""
    with archive.open(name) as stream:
        data = stream.read(_MOST_CONFIG_BYTES + 1)
    if len(data) > _MOST_CONFIG_BYTES:
        raise ValueError(f"its {name} is larger than {_MOST_CONFIG_BYTES >> 20} MiB")
    return data


def _weights_metadata(path: Path, archive: zipfile.ZipFile) -> Hdf5Metadata:
    """Read in place where the weights are stored as they are, as Keras does; else unpacked."""
    info = archive.getinfo(_WEIGHTS)
    if info.compress_type == zipfile.ZIP_STORED:
        return read_metadata(path, _content_offset(path, info), info.file_size)
    if info.file_size > _MOST_WEIGHT_BYTES or info.file_size > 1100 * max(info.compress_size, 1):
        raise ValueError("its weights claim an absurd size")
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "weights.h5"
        with archive.open(info) as source, unpacked.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return read_metadata(unpacked)


def _content_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: after its local header, name and extra field."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise ValueError(_MISPLACED)
    name_length = int.from_bytes(header[26:28], "little")
    extra_length = int.from_bytes(header[28:30], "little")
    return info.header_offset + _LOCAL_HEADER + name_length + extra_length
