"""The text of a Chrome trace, plain or gzip, decoded event by event; sloppy and cut files included.

Writers differ: an object or a bare array, a missing closing bracket, NaN as a value, numbers as
strings. Format: "Trace Event Format" (Google, public document).
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from profilers.errors import DamagedFile

LARGEST_BYTES = 4 << 30
_CHUNK = 1 << 20
_GZIP = 31  # zlib's word for a gzip header and the largest window
_NOT_JSON = re.compile(rb"([:,\[]\s*)-?(?:NaN|nan|Infinity|inf)\b")
_BLANK = msgspec.Raw(b"")
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[')


class Event(msgspec.Struct, gc=False):
    """One record; times, ids and arguments stay text until they are needed."""

    ph: str = ""
    name: str | int | float | None = ""
    cat: str | int | float | None = ""
    pid: msgspec.Raw = _BLANK
    tid: msgspec.Raw = _BLANK
    ts: msgspec.Raw = _BLANK
    dur: msgspec.Raw = _BLANK
    id: msgspec.Raw = _BLANK
    args: msgspec.Raw = _BLANK


class _Header(msgspec.Struct, rename="camel"):
    base_time_nanoseconds: Any = 0
    device_properties: Any = None
    distributed_info: Any = None


class _Envelope(_Header, kw_only=True):
    trace_events: list[Event]


@dataclass(frozen=True)
class ChromeText:
    """Decoded events in file order, what the header says, and whether the end is missing."""

    events: list[Event]
    header: dict[str, Any]
    is_cut: bool


def read_text(path: Path, progress: Callable[[float], None]) -> ChromeText:
    """Decode a whole file.

    Raises
    ------
    DamagedFile
        If it holds no events, or is larger than `LARGEST_BYTES` once decompressed.
    """
    data, is_cut = _load(path, progress)
    progress(0.4)
    try:
        return _decoded(data, is_cut)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mended = _NOT_JSON.sub(rb"\1null", data)
    try:
        return _decoded(mended, is_cut)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _salvaged(path, mended, error)


def _load(path: Path, progress: Callable[[float], None]) -> tuple[bytes, bool]:
    """Decompressed bytes, and whether the gzip stream ends too early."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            if path.stat().st_size > LARGEST_BYTES:
                raise _too_large(path)
            return path.read_bytes(), False
        stream.seek(0)
        size = path.stat().st_size
        parts: list[bytes] = []
        total = 0
        member = zlib.decompressobj(_GZIP)
        while chunk := stream.read(_CHUNK):
            while chunk:
                try:
                    parts.append(member.decompress(chunk, 16 * _CHUNK))
                except zlib.error:
                    return b"".join(parts), True
                total += len(parts[-1])
                if total > LARGEST_BYTES:
                    raise _too_large(path)
                chunk = member.unused_data.lstrip(b"\0") if member.eof else member.unconsumed_tail
                if member.eof and chunk:
                    member = zlib.decompressobj(_GZIP)
            progress(0.4 * stream.tell() / size)
    return b"".join(parts), not member.eof


def _decoded(data: bytes, is_cut: bool) -> ChromeText:
    if data.lstrip()[:1] == b"[":
        return ChromeText(msgspec.json.decode(data, type=list[Event]), {}, is_cut)
    envelope = msgspec.json.decode(data, type=_Envelope)
    header = {name: getattr(envelope, name) for name in _Header.__struct_fields__}
    return ChromeText(envelope.trace_events, header, is_cut)


def _salvaged(path: Path, data: bytes, error: Exception) -> ChromeText:
    """The complete events of a text that ends too early or is broken somewhere."""
    start = _EVENTS.search(data)
    begin = start.end() if start else data.find(b"[") + 1
    end = _last_whole_event(data, begin) if begin else 0
    if not end:
        raise DamagedFile(
            f"Cannot open {path.name}", f"it holds no complete trace event ({error})"
        ) from error
    try:
        events = msgspec.json.decode(b"[" + data[begin:end] + b"]", type=list[Event])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as inner:
        raise DamagedFile(
            f"Cannot open {path.name}", f"its text is broken in the middle ({inner})"
        ) from inner
    return ChromeText(events, _header_before(data, start), True)


def _header_before(data: bytes, start: re.Match[bytes] | None) -> dict[str, Any]:
    """What stands before the events, as far as it can be read."""
    if start is None:
        return {}
    head = data[: start.start()].rstrip().rstrip(b",") + b"}"
    try:
        return msgspec.structs.asdict(msgspec.json.decode(head, type=_Header))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _last_whole_event(data: bytes, begin: int) -> int:
    """End of the last ``}`` that closes an event of the array which begins at `begin`; 0 if none.

    Brackets inside strings do not count. Works through the text in windows.
    """
    last, depth, in_string = 0, 0, False
    at = begin
    while at < len(data):
        window = np.frombuffer(data, np.uint8, min(_CHUNK, len(data) - at), at)
        quotes = _unescaped_quotes(data, window, at)
        inside = (np.cumsum(quotes) + in_string) % 2 == 1
        outside = ~inside & ~quotes
        opens = ((window == 0x7B) | (window == 0x5B)) & outside
        closes = ((window == 0x7D) | (window == 0x5D)) & outside
        depths = depth + np.cumsum(opens.astype(np.int32) - closes)
        ends = np.flatnonzero((window == 0x7D) & outside & (depths == 0))
        below = np.flatnonzero(depths < 0)
        if len(below):
            ends = ends[ends < below[0]]
        if len(ends):
            last = at + int(ends[-1]) + 1
        if len(below):
            break
        depth = int(depths[-1])
        in_string = bool(inside[-1])
        at += len(window)
    return last


def _unescaped_quotes(
    data: bytes, window: np.ndarray[Any, np.dtype[np.uint8]], at: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Quotes that begin or end a string: an even number of backslashes stands before them."""
    quotes: np.ndarray[Any, np.dtype[np.bool_]] = window == 0x22
    for place in np.flatnonzero(quotes).tolist() if b"\\" in window.tobytes() else ():
        before = at + place - 1
        while before >= 0 and data[before] == 0x5C:
            before -= 1
        if (at + place - 1 - before) % 2:
            quotes[place] = False
    return quotes


def _too_large(path: Path) -> DamagedFile:
    return DamagedFile(
        f"Cannot open {path.name}",
        f"its text is larger than {LARGEST_BYTES >> 30} GiB",
        "Capture fewer steps.",
    )
