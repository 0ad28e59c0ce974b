"""Numpy columns as bytes: constants as such, else scaled, delta where that pays, shuffle, zstd or LZMA.

``gaps`` is the delta of a column with missing rows, such as the ids of those slices that have one: 0
where the value is -1, else the step from the last value that is there, folded so that small steps of
either sign are small numbers, plus one. It made such a column of a real trace 50 times smaller.

LZMA weighs each bit by those before it, which pays for columns of little order: times of real traces
take 4 to 10 % less. It is unpacked at 25 MB/s or more, so that only columns of middle size use it: 19
of the 63 ms that opening 138,000 slices takes, and what brings traces in nanoseconds to a tenth of
their JSON.
"""

import lzma
from collections.abc import Mapping
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

LEVEL = 3
_SLOW_LEVEL = 17  # a tenth smaller than level 3 from here on, at 10 MB/s instead of 300
_SLOWLY_PACKED_BYTES = 16 << 20
_LZMA_BYTES = 4 << 20
_FEWEST_LZMA_BYTES = 2048  # in the file
_LZMA_GAIN = 0.97
_LZMA_MEMORY = 32 << 20
_LZMA: dict[str, Any] = {"id": lzma.FILTER_LZMA1, "preset": 4, "lp": 0, "pb": 0}
_TRIED_ROWS = 65_536
_TRIED_PIECES = 8
_ENCODINGS = ("shuffle", "delta+shuffle", "gaps")


class BadColumn(ValueError):
    """The bytes are not what the manifest says."""


def is_none(values: NDArray[Any]) -> bool:
    """Whether a column says nothing: it has no rows, or -1 in all of them."""
    return not len(values) or (values.dtype.kind in "iu" and bool((values == -1).all()))


def encode(values: NDArray[Any]) -> tuple[bytes, dict[str, Any]]:
    """Compressed bytes and the manifest entry that `decode` needs; no bytes for a constant."""
    values = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    entry = {"dtype": values.dtype.str, "rows": len(values)}
    if not len(values):
        return b"", {**entry, "encoding": "constant", "value": 0}
    if values.dtype.kind in "iu" and (values == values[0]).all():
        return b"", {**entry, "encoding": "constant", "value": int(values[0])}
    scale = _scale(values)
    if scale > 1:
        entry["scale"] = scale
        values = values // values.dtype.type(scale)
    encoding = _cheaper(values)
    level = _SLOW_LEVEL if values.nbytes <= _SLOWLY_PACKED_BYTES else LEVEL
    data = _compressed(_encoded(values, encoding), level)
    if values.nbytes <= _LZMA_BYTES and len(data) >= _FEWEST_LZMA_BYTES:
        for other in dict.fromkeys((encoding, "shuffle")):
            weighed = _weighed(_encoded(values, other))
            if len(weighed) < _LZMA_GAIN * len(data):
                data, entry = weighed, {**entry, "encoding": other, "packed": "lzma"}
    return data, {"encoding": encoding, **entry}


def decode(data: bytes, entry: Mapping[str, Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The column; its sizes are checked before anything is allocated.

    Raises
    ------
    BadColumn
        If the entry or the bytes do not belong together.
    """
    if entry.get("dtype") != dtype.newbyteorder("<").str:
        raise BadColumn(f"its type is {entry.get('dtype')}, not {dtype.str}")
    if entry.get("rows") == 0:
        return np.empty(0, dtype)
    if entry.get("encoding") == "constant":
        return np.full(int(entry["rows"]), _number(entry["value"], dtype), dtype)
    if entry.get("encoding") not in _ENCODINGS:
        raise BadColumn(f"its encoding {entry.get('encoding')} is not known")
    size = int(entry["rows"]) * dtype.itemsize
    raw = _unweighed(data, size) if entry.get("packed") == "lzma" else decompressed(data, size)
    shuffled = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    values: NDArray[Any] = np.ascontiguousarray(shuffled.T).reshape(-1).view(dtype)
    with np.errstate(over="ignore"):
        if entry["encoding"] == "delta+shuffle":
            values = np.cumsum(values, dtype=dtype)  # wraps around as the differences did
        elif entry["encoding"] == "gaps":
            values = _without_gaps(values)
        if "scale" in entry:
            values = values * _number(entry["scale"], dtype)
    return values


def decompressed(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes; refuses before allocating where the frame says otherwise."""
    if size == 0:
        return b""
    try:
        if zstandard.frame_content_size(data) != size:
            raise BadColumn("its size is not the one in the manifest")
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise BadColumn("its compressed bytes are damaged") from error


def _number(value: Any, dtype: np.dtype[Any]) -> Any:
    if not isinstance(value, int) or dtype.kind not in "iu":
        raise BadColumn(f"{value!r} is no whole number")
    return np.array(value % 2 ** (8 * dtype.itemsize), np.uint64).astype(dtype)


def _scale(values: NDArray[Any]) -> int:
    """What all values are multiples of, such as 1000 for times that were taken in microseconds."""
    if values.dtype != np.dtype("<i8") or int(np.gcd.reduce(values[:_TRIED_ROWS])) == 1:
        return 1
    return int(np.gcd.reduce(values))


def _cheaper(values: NDArray[Any]) -> str:
    if values.dtype.kind not in "iu" or len(values) < 2:
        return "shuffle"
    encodings = _ENCODINGS if _may_have_gaps(values) else _ENCODINGS[:2]
    sample = _sample(values)
    return min(encodings, key=lambda encoding: len(_compressed(_encoded(sample, encoding), LEVEL)))


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    if len(values) <= _TRIED_ROWS:
        return values
    begins = np.linspace(0, len(values), _TRIED_PIECES, endpoint=False, dtype=np.int64)
    size = _TRIED_ROWS // _TRIED_PIECES
    return np.concatenate([values[begin : begin + size] for begin in begins.tolist()])


def _may_have_gaps(values: NDArray[Any]) -> bool:
    """Whether values are missing, and the others so near each other that no step overflows."""
    if values.dtype.kind != "i" or int(values.min()) != -1:
        return False
    return int(values.max()) < np.iinfo(values.dtype).max // 4


def _encoded(values: NDArray[Any], encoding: str) -> NDArray[Any]:
    if encoding == "gaps":
        return _with_gaps(values)
    if encoding == "delta+shuffle":
        with np.errstate(over="ignore"):
            return np.diff(values, prepend=values.dtype.type(0))
    return values


def _with_gaps(values: NDArray[Any]) -> NDArray[Any]:
    is_there = values != -1
    steps = np.diff(values[is_there], prepend=values.dtype.type(0))
    encoded = np.zeros_like(values)
    encoded[is_there] = np.where(steps < 0, -2 * steps, 2 * steps + 1)
    return encoded


def _without_gaps(encoded: NDArray[Any]) -> NDArray[Any]:
    is_there = encoded != 0
    folded = encoded[is_there]
    steps = np.where(folded & 1, folded >> 1, -(folded >> 1))
    values = np.full_like(encoded, -1)
    values[is_there] = np.cumsum(steps, dtype=encoded.dtype)
    return values


def _compressed(values: NDArray[Any], level: int) -> bytes:
    return zstandard.ZstdCompressor(level=level).compress(_planes(values))


def _weighed(values: NDArray[Any]) -> bytes:
    kind = {**_LZMA, "lc": 0 if values.itemsize == 1 else 4}
    return lzma.compress(_planes(values), format=lzma.FORMAT_ALONE, filters=[kind])


def _unweighed(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes, and never more than that in memory."""
    reader = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY)
    try:
        raw = reader.decompress(data, size)
        is_more = not reader.eof and bool(reader.decompress(b"", 1))
    except lzma.LZMAError as error:
        raise BadColumn("its compressed bytes are damaged") from error
    if len(raw) != size or is_more or not reader.eof or reader.unused_data:
        raise BadColumn("its size is not the one in the manifest")
    return raw


def _planes(values: NDArray[Any]) -> bytes:
    """The first bytes of all numbers, then their second ones, and so on."""
    return values.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()
