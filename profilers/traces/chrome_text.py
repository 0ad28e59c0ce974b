"""The text of a Chrome trace, decoded window by window; sloppy and cut files included.

Writers differ: an object or a bare array, a missing closing bracket, NaN as a value, numbers as
strings. Format: "Trace Event Format" (Google, public document).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from profilers.errors import DamagedFile
from profilers.traces.json_brackets import whole_objects
from profilers.traces.text_source import text_chunks

_BLANK = msgspec.Raw(b"")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BETWEEN = b", \n\r\t"
_ARRAY = re.compile(rb'"traceEvents"\s*:\s*\[')
_LARGEST_HEAD = 64 << 20
_LARGEST_EVENT = 256 << 20
_CUT = re.compile(rb"\}\s*,\s*\{")
_SEARCHED_BYTES = 64 << 10
_TRIED_CUTS = 3
_STRING_OR_NOT_JSON = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|nan|Infinity|inf)\b')


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


_EVENT = msgspec.json.Decoder(Event)
_EVENTS = msgspec.json.Decoder(list[Event])
_HEADER = msgspec.json.Decoder(_Header)


@dataclass(frozen=True)
class ChromeText:
    """What stands around the events, and whether some of them are missing or unreadable."""

    header: dict[str, Any]
    is_damaged: bool


@dataclass(frozen=True)
class _Window:
    """Events at the begin of a text and what follows them; `end` closes their array."""

    events: list[Event]
    rest: bytes
    is_end: bool = False
    is_damaged: bool = False


def read_events(
    path: Path, take: Callable[[list[Event]], None], progress: Callable[[float], None]
) -> ChromeText:
    """Hand all events to `take`, some thousand at a time and in file order.

    Raises
    ------
    DamagedFile
        If the file holds no events, or is too large.
    """
    chunks = text_chunks(path, progress)
    head, text = _opened(path, chunks)
    has_events = is_damaged = is_last = False
    while True:
        window = _window(text, is_last)
        has_events |= bool(window.events)
        is_damaged |= window.is_damaged
        take(window.events)
        if window.is_end or is_last or len(window.rest) > _LARGEST_EVENT:
            break
        more = _more(chunks, len(window.rest))
        is_last = not more
        text = window.rest + more
    is_cut = not window.is_end and bool(window.rest.strip(_BETWEEN) or head.strip() != b"[")
    if not has_events and (is_cut or is_damaged):
        raise DamagedFile(f"Cannot open {path.name}", "it holds no complete trace event")
    tail = window.rest + _more(chunks, _LARGEST_HEAD) if window.is_end else b""
    return ChromeText(_header(head, tail), is_cut or is_damaged)


def _opened(path: Path, chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """The text up to the bracket that opens the array of events, and what was read after it."""
    text = b""
    for chunk in chunks:
        text += chunk
        if text.lstrip()[:1] == b"[":
            begin = text.index(b"[") + 1
            return text[:begin], text[begin:]
        if found := _ARRAY.search(text):
            return text[: found.end()], text[found.end() :]
        if len(text) > _LARGEST_HEAD:
            break
    raise DamagedFile(f"Cannot open {path.name}", "it holds no list of trace events")


def _more(chunks: Iterator[bytes], at_least: int) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > at_least:
            break
    return b"".join(parts)


def _window(text: bytes, is_last: bool) -> _Window:
    """The whole events at the begin of a text.

    A cut at the wrong place (inside an event or a string) leaves a bracket open, so that it cannot
    be decoded: the last likely places are just tried, and brackets counted only if all fail.
    """
    text = text.lstrip(_BETWEEN)
    if not is_last:
        for cut in _likely_cuts(text):
            try:
                return _Window(_EVENTS.decode(b"[%b]" % text[:cut]), text[cut:])
            except _BROKEN:
                continue
    ends, closing = whole_objects(text)
    begin = ends[-1] if ends else 0
    events, is_damaged = _decoded(text, ends)
    if closing >= 0:
        return _Window(events, text[closing + 1 :], True, is_damaged)
    return _Window(events, text[begin:], False, is_damaged)


def _likely_cuts(text: bytes) -> list[int]:
    found = [match.start() + 1 for match in _CUT.finditer(text, len(text) - _SEARCHED_BYTES)]
    return found[: -_TRIED_CUTS - 1 : -1]


def _decoded(text: bytes, ends: list[int]) -> tuple[list[Event], bool]:
    """Events that end where told, and whether any of them cannot be read."""
    if not ends:
        return [], False
    whole = text[: ends[-1]]
    for mend in (bytes, _mended):
        try:
            return _EVENTS.decode(b"[%b]" % mend(whole)), False
        except _BROKEN:
            continue
    events = []
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        try:
            events.append(_EVENT.decode(_mended(text[begin:end].lstrip(_BETWEEN))))
        except _BROKEN:
            continue
    return events, True


def _mended(text: bytes) -> bytes:
    """With null for NaN and infinities, which JSON does not have; strings stay as they are."""
    return _STRING_OR_NOT_JSON.sub(
        lambda found: found[0] if found[0].startswith(b'"') else b"null", text
    )


def _header(head: bytes, tail: bytes) -> dict[str, Any]:
    """What stands before and after the events, as far as it can be read."""
    if head.strip() == b"[":
        return {}
    before = head[: head.rindex(b'"traceEvents"')].rstrip(_BETWEEN) + b"}"
    for text in (head + b"]" + tail, before):
        try:
            return msgspec.structs.asdict(_HEADER.decode(_mended(text)))
        except _BROKEN:
            continue
    return {}
