"""What is kept of each layer's output, to compare two runs number by number without the numbers.

A worker writes them into the capture folder; numpy is all it needs. A layer is named by its scope
path or name (``"scope"``) or by the tensor that it makes (``"tensor"``); ``"input"`` names what the
model was given.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "activations.json"
OPTION = "activations"  # among a request's options: "on" or "off"
PROJECTIONS = 8
MOST_OUTPUTS = 5000
_MOST_VALUES = 1 << 22  # of one output; larger ones are looked at every few values
_LARGEST_FILE_BYTES = 64 << 20
_SEED = 20_240_601

Digest = Mapping[str, Any]


def is_wanted(options: Mapping[str, Any]) -> bool:
    return options.get(OPTION) == "on"


def digest_of(values: NDArray[Any], *, channels_first: bool) -> dict[str, Any]:
    """Figures of one output: shape, range, mean, spread, and projections on fixed random signs.

    Images with their channels first are projected as if channels came last, so that both kinds of
    framework give the same. Values that are not finite are counted and left out. An empty dict for
    anything but numbers.
    """
    if values.dtype.kind not in "biuf" or not values.size:
        return {}
    told: dict[str, Any] = {"shape": list(values.shape), "dtype": values.dtype.name}
    if channels_first and values.ndim >= 4:
        values = np.moveaxis(values, 1, -1)
    flat = values.reshape(-1)
    flat = flat[:: max(-(-flat.size // _MOST_VALUES), 1)].astype(np.float64)
    finite = np.isfinite(flat)
    told["not_finite"] = int((~finite).sum())
    kept = flat[finite]
    if len(kept):
        told |= {
            "minimum": float(kept.min()),
            "maximum": float(kept.max()),
            "mean": float(kept.mean()),
            "standard_deviation": float(kept.std()),
        }
    told["projection"] = _projection(np.where(finite, flat, 0.0))
    return told


def _projection(flat: NDArray[np.float64]) -> list[float]:
    """Sums with random signs, divided by the root of the length: each is about as large as a value."""
    generator = np.random.default_rng(_SEED)
    root = np.sqrt(len(flat))
    return [
        float(flat @ (generator.integers(0, 2, len(flat), np.int8) * 2.0 - 1.0)) / root
        for _ in range(PROJECTIONS)
    ]


def first_of(output: Any) -> Any:
    """The first tensor of what a layer returned: also of a mapping, or of a sequence in a sequence."""
    while isinstance(output, (Mapping, tuple, list)) and output:
        output = next(iter(output.values() if isinstance(output, Mapping) else output))
    return output


def write_layers(folder: Path, inputs: Mapping[str, Digest], layers: Mapping[str, Digest]) -> None:
    """Digests of inputs by name and of layers by scope, in order; empty ones are left out."""
    rows = [
        {key: name, **told}
        for key, digests in (("input", inputs), ("scope", layers))
        for name, told in digests.items()
        if told
    ]
    write(folder, rows)


def write(folder: Path, outputs: list[dict[str, Any]]) -> None:
    (folder / FILE).write_text(json.dumps(outputs[:MOST_OUTPUTS]))


def read(data: bytes) -> list[Digest]:
    """What a file holds; what is no digest is left out, for the file may come from anywhere."""
    if len(data) > _LARGEST_FILE_BYTES:
        return []
    try:
        found = json.loads(data or b"[]")
    except ValueError:
        return []
    rows = found if isinstance(found, list) else []
    return [row for row in rows[:MOST_OUTPUTS] if _is_digest(row)]


def _is_digest(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    projection, shape = row.get("projection"), row.get("shape")
    numbers = [row.get(key, 0.0) for key in ("minimum", "maximum", "mean", "standard_deviation")]
    return (
        isinstance(projection, list)
        and len(projection) == PROJECTIONS
        and isinstance(shape, list)
        and all(isinstance(size, int) for size in shape)
        and all(isinstance(each, (int, float)) for each in (*projection, *numbers))
        and any(isinstance(row.get(key), str) for key in ("scope", "tensor", "input"))
    )
