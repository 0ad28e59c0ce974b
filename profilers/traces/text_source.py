"""The bytes of a text file, plain or gzip, chunk by chunk."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from profilers.errors import DamagedFile

LARGEST_BYTES = 16 << 30
CHUNK_BYTES = 4 << 20
_PACKED_BYTES = 64 << 10
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's word for a gzip header and the largest window


def text_chunks(path: Path, progress: Callable[[float], None]) -> Iterator[bytes]:
    """Decompressed chunks; a gzip stream that is cut or damaged just ends there.

    Parameters
    ----------
    progress : callable
        Takes the share of the file that was read; may raise Cancelled.

    Raises
    ------
    DamagedFile
        If the text is larger than `LARGEST_BYTES`.
    """
    size = max(path.stat().st_size, 1)
    total = 0
    with path.open("rb") as stream:
        is_packed = stream.read(2) == _GZIP_MAGIC
        stream.seek(0)
        for chunk in _unpacked(stream) if is_packed else _plain(stream):
            total += len(chunk)
            if total > LARGEST_BYTES:
                raise DamagedFile(
                    f"Cannot open {path.name}",
                    f"its text is larger than {LARGEST_BYTES >> 30} GiB",
                    "Capture fewer steps.",
                )
            progress(stream.tell() / size)
            yield chunk


def _plain(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(stream.read, CHUNK_BYTES), b"")


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP)
    try:
        while packed := stream.read(_PACKED_BYTES):
            while packed:
                yield member.decompress(packed, CHUNK_BYTES)
                packed = member.unconsumed_tail
                if member.eof:
                    packed = member.unused_data.lstrip(b"\0")
                    member = zlib.decompressobj(_GZIP)
        yield member.flush()
    except zlib.error:
        return
