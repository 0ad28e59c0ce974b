"""The programs that XLA compiled, which a trace holds encoded in a plane of their own."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profilers.traces.xplane_files import load
from profilers.traces.xplane_proto import parse_plane

_PLANE = "/host:metadata"
_PLANE_TAG = 0x0A  # field 1 of an XSpace, a block
_NAME = b"\x12" + bytes([len(_PLANE)]) + _PLANE.encode()
_HEAD = 32  # bytes of a plane that hold its number and name
_GZIP_MAGIC = b"\x1f\x8b"


def programs_of(path: Path) -> dict[str, bytes]:
    """Encoded HloProtos of an xplane file by module name; of several of one name the last.

    Each is there under its whole name too, "jit_model(17)", with its number. The programs of a
    process are all that were alive in it, also of earlier runs. Empty where there are none or the
    file cannot be read: then the trace itself tells why.
    """
    found: dict[str, bytes] = {}
    try:
        for plane in _planes(path):
            for entry in plane.event_metadata:
                whole = entry.value.name
                for stat in entry.value.stats:
                    if stat.bytes_value:
                        found[whole.rpartition("(")[0] or whole] = stat.bytes_value
                        found[whole] = stat.bytes_value
    except (OSError, ValueError):
        return found
    return found


def _planes(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        if file.read(2) == _GZIP_MAGIC:
            yield from (each for each in load(path).space.planes if each.name == _PLANE)
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for begin, end in _blocks(data):
                if _NAME in data[begin : min(begin + _HEAD, end)]:
                    yield parse_plane(data[begin:end])


def _blocks(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where the planes lie; stops at what is none."""
    at = 0
    while at < len(data):
        is_plane = data[at] == _PLANE_TAG
        wire, at = data[at] & 7, at + 1
        length, at = _varint(data, at)
        if wire != 2 or at + length > len(data):
            return
        if is_plane:
            yield at, at + length
        at += length


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """The value, and where the next byte lies."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return value, at
