"""Bytes that stay in their file until they are asked for."""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

_CHUNK_BYTES = 1 << 20


class Section:
    """A part of a file, read when it is sliced; holds the file open, so that it may be replaced."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._handle)
        self._offset = offset
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        begin, end, _ = place.indices(self._size)
        found = os.pread(self._handle, max(end - begin, 0), self._offset + begin)
        if len(found) < end - begin:
            raise OSError(5, "the file was cut while it was open")
        return found

    def chunks(self) -> Iterator[bytes]:
        for begin in range(0, self._size, _CHUNK_BYTES):
            yield self[begin : begin + _CHUNK_BYTES]


Stored = bytes | Section
