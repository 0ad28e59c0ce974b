"""The text of a trace file, plain or gzip: once from begin to end, later any piece of it again."""

import os
import threading
import weakref
import zlib
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

from zlib_ng import zlib_ng

from profilers.errors import DamagedFile

LARGEST_BYTES = 16 << 30
HELD_BYTES = 64 << 20
_PACKED_BYTES = 256 << 10
_PIECE_BYTES = 4 << 20
_USUAL_RATIO = 18  # of trace text to its gzip
_GZIP_MAGIC = b"\x1f\x8b"
_BROKEN: Any = (zlib_ng.error, zlib.error)
_GZIP = 31  # zlib's word for a gzip header and the largest window


class TextChanged(Exception):
    """The file is no longer what it was when it was read."""


class TextPieces(Protocol):
    """Text that is read at any place."""

    def piece(self, begin: int, length: int) -> bytes:
        """Some bytes again. Raises TextChanged."""


class TraceText(TextPieces, Protocol):
    """Text that is read once in order, then at any place."""

    @property
    def likely_bytes(self) -> int:
        """How long it is, as far as that can be told beforehand."""

    def fill(self, view: memoryview) -> int:
        """Put the next bytes into `view`; 0 at the end. A damaged gzip stream just ends."""


def open_text(path: Path, progress: Callable[[float], None]) -> TraceText:
    """The file's text, unpacked.

    Parameters
    ----------
    progress : callable
        Takes the share of the file that was read; may raise Cancelled.
    """
    stream = path.open("rb", buffering=0)
    is_packed = stream.read(2) == _GZIP_MAGIC
    stream.seek(0)
    file = _File(stream, path, progress)
    return PackedText(file) if is_packed else PlainText(file)


class _File:
    """Reads forward with progress, and elsewhere as long as nobody has written to the file."""

    def __init__(self, stream: IO[bytes], path: Path, progress: Callable[[float], None]) -> None:
        self._stream: Any = stream
        weakref.finalize(self, stream.close)
        self._path = path
        self._progress = progress
        self._lock = threading.Lock()
        self._stamp = self._current_stamp()
        self._at = 0
        self._text_bytes = 0

    @property
    def size(self) -> int:
        return self._stamp[0]

    def fill(self, view: memoryview) -> int:
        with self._lock:
            self._stream.seek(self._at)
            count = int(self._stream.readinto(view))
        self._at += count
        self._progress(self._at / max(self.size, 1))
        return count

    def count_text(self, count: int) -> None:
        """Raises DamagedFile beyond the largest text that is read."""
        self._text_bytes += count
        if self._text_bytes > LARGEST_BYTES:
            raise DamagedFile(
                f"Cannot open {self._path.name}",
                f"its text is larger than {LARGEST_BYTES >> 30} GiB",
                "Capture fewer steps.",
            )

    def piece(self, begin: int, length: int) -> bytes:
        with self._lock:
            if self._current_stamp() != self._stamp:
                raise TextChanged
            self._stream.seek(begin)
            return bytes(self._stream.read(length))

    def _current_stamp(self) -> tuple[int, int]:
        status = os.fstat(self._stream.fileno())
        return status.st_size, status.st_mtime_ns


class PlainText:
    def __init__(self, file: _File) -> None:
        self._file = file

    @property
    def likely_bytes(self) -> int:
        return self._file.size

    def fill(self, view: memoryview) -> int:
        count = self._file.fill(view)
        self._file.count_text(count)
        return count

    def piece(self, begin: int, length: int) -> bytes:
        return self._file.piece(begin, length)


class HeldText:
    """Text in memory, so that the file may go."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def piece(self, begin: int, length: int) -> bytes:
        return self._text[begin : begin + length]


class PackedText:
    """Inflates; keeps the inflater's state every few MB, so that a piece is found again quickly.

    A state takes about 50 kB: 12 MB for a GB of text.
    """

    def __init__(self, file: _File) -> None:
        self._file = file
        self._packed = bytearray(_PACKED_BYTES)
        self._inflater = _Inflater()
        self._file_at = 0  # where the bytes lie that the inflater has not seen
        self._text_at = 0
        self._states: list[tuple[int, int, _Inflater]] = []
        self._lock = threading.Lock()
        self._piece_begin, self._piece = -1, b""

    @property
    def likely_bytes(self) -> int:
        return _USUAL_RATIO * self._file.size

    def fill(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            text = self._inflater.take(len(view) - filled)
            if text:
                view[filled : filled + len(text)] = text
                filled += len(text)
                self._text_at += len(text)
            elif self._inflater.is_broken or not self._feed():
                break
        self._file.count_text(filled)
        return filled

    def piece(self, begin: int, length: int) -> bytes:
        with self._lock:
            at = begin - self._piece_begin
            if self._piece_begin < 0 or at < 0 or at + length > len(self._piece):
                self._piece = self._inflated(begin, length)
                self._piece_begin, at = begin, 0
            return self._piece[at : at + length]

    def _feed(self) -> bool:
        if not self._states or self._text_at - self._states[-1][0] >= _PIECE_BYTES:
            self._states.append((self._text_at, self._file_at, self._inflater.copy()))
        view = memoryview(self._packed)
        count = self._file.fill(view)
        self._file_at += count
        self._inflater.feed(bytes(view[:count]))
        return count > 0

    def _inflated(self, begin: int, length: int) -> bytes:
        found = bisect_right(self._states, begin, key=lambda state: state[0]) - 1
        text_at, file_at, state = self._states[found]
        inflater, parts = state.copy(), []
        end = begin + max(length, _PIECE_BYTES)
        while text_at < end:
            text = inflater.take(end - text_at)
            if text:
                parts.append(text[max(begin - text_at, 0) :])
                text_at += len(text)
                continue
            packed = self._file.piece(file_at, _PACKED_BYTES)
            if not packed or inflater.is_broken:
                break
            file_at += len(packed)
            inflater.feed(packed)
        return b"".join(parts)


class _Inflater:
    """A gzip stream of one or several members; what is fed comes out piece by piece."""

    def __init__(self) -> None:
        self._member: Any = zlib_ng.decompressobj(_GZIP)
        self._packed = b""
        self.is_broken = False

    def copy(self) -> "_Inflater":
        other = _Inflater()
        other._member, other._packed = self._member.copy(), self._packed
        other.is_broken = self.is_broken
        return other

    def feed(self, packed: bytes) -> None:
        self._packed += packed

    def take(self, most: int) -> bytes:
        """Up to `most` bytes of text; none if more must be fed, or the stream is broken."""
        while self._packed and not self.is_broken:
            if self._member.eof:
                self._packed = self._packed.lstrip(b"\0")
                self._member = zlib_ng.decompressobj(_GZIP)
                continue
            try:
                text: bytes = self._member.decompress(self._packed, most)
            except _BROKEN:
                self.is_broken = True
                break
            self._packed = self._member.unused_data or self._member.unconsumed_tail
            if text:
                return text
        return b""
