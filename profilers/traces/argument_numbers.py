"""Whole numbers among the arguments of many events: some million a second with the compiled loop."""

from collections.abc import Mapping
from types import ModuleType

import msgspec
import numpy as np

from profilers import compiled
from profilers.compiled.limits import PADDING
from profilers.profile.table import Int64
from profilers.traces.chrome_parts import SpannedJson

_LARGEST = 10**18
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def argument_numbers(
    arguments: SpannedJson, rows: Int64, defaults: Mapping[str, int]
) -> dict[str, Int64]:
    """For each key of `defaults` its number in each row; the default where there is none."""
    numbers = np.tile(np.array(list(defaults.values()), np.int64), (len(rows), 1))
    loops = compiled.loaded()
    for chosen, text, begins, lengths in arguments.pieces(rows):
        if loops is None:
            numbers[chosen] = [
                _numbers(text[begin : begin + length], defaults)
                for begin, length in zip(begins.tolist(), lengths.tolist(), strict=True)
            ]
        else:
            numbers[chosen] = _scanned(loops, text, begins, lengths, defaults)
    return {key: numbers[:, at].copy() for at, key in enumerate(defaults)}


def _scanned(
    loops: ModuleType, text: bytes, begins: Int64, lengths: Int64, defaults: Mapping[str, int]
) -> Int64:
    names = [key.encode() for key in defaults]
    key_begins = np.cumsum([0, *map(len, names)])
    numbers = np.tile(np.array(list(defaults.values()), np.int64), len(begins))
    loops.member_numbers(
        np.frombuffer(text + bytes(PADDING), np.uint8),
        begins,
        lengths,
        np.frombuffer(b"".join(names), np.uint8),
        key_begins,
        numbers,
    )
    return numbers.reshape(-1, len(defaults))


def _numbers(text: bytes, defaults: Mapping[str, int]) -> list[int]:
    try:
        told = msgspec.json.decode(text) if text else {}
    except _BROKEN:
        told = {}
    if not isinstance(told, dict):
        told = {}
    return [_whole(told.get(key), default) for key, default in defaults.items()]


def _whole(value: object, default: int) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and abs(value) < _LARGEST else default  # type: ignore[arg-type,return-value]
