"""The text of a Chrome trace decoded with a JSON library; sloppy and cut text included.

Writers differ: an object or a bare array, a missing closing bracket, NaN as a value, numbers as
strings. Format: "Trace Event Format" (Google, public document).
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from profilers.traces.json_brackets import whole_objects

_BLANK = msgspec.Raw(b"")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
BETWEEN_EVENTS = b", \n\r\t"
_ARRAY = re.compile(rb'"traceEvents"\s*:\s*\[')
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


class _Header(msgspec.Struct):
    base_time_nanoseconds: Any = msgspec.field(name="baseTimeNanoseconds", default=0)
    device_properties: Any = msgspec.field(name="deviceProperties", default=None)
    distributed_info: Any = msgspec.field(name="distributedInfo", default=None)
    schema_version: Any = msgspec.field(name="schemaVersion", default=None)
    cuda_driver_version: Any = None
    cuda_runtime_version: Any = None
    cupti_version: Any = None
    record_shapes: Any = None
    profile_memory: Any = None
    with_stack: Any = None


_EVENT = msgspec.json.Decoder(Event)
_EVENTS = msgspec.json.Decoder(list[Event])
_HEADER = msgspec.json.Decoder(_Header)


@dataclass(frozen=True)
class Decoded:
    """Events at the begin of a text and what follows them; `is_end`: it closes their array."""

    events: list[Event]
    rest: bytes
    is_end: bool = False
    is_damaged: bool = False


def events_begin(text: bytes) -> int:
    """Behind the bracket that opens the array of events; -1 if it is not in the text."""
    if text.lstrip()[:1] == b"[":
        return text.index(b"[") + 1
    found = _ARRAY.search(text)
    return found.end() if found else -1


def decoded(text: bytes) -> Decoded:
    """The events at the begin of a text, as far as they are whole."""
    try:
        return Decoded(_EVENTS.decode(b"[%b]" % text.strip(BETWEEN_EVENTS)), b"")
    except _BROKEN:
        ends, closing = whole_objects(text)
    events, is_damaged = _one_by_one(text, ends)
    if closing >= 0:
        return Decoded(events, text[closing + 1 :], True, is_damaged)
    return Decoded(events, text[ends[-1] if ends else 0 :], False, is_damaged)


def _one_by_one(text: bytes, ends: list[int]) -> tuple[list[Event], bool]:
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
            events.append(_EVENT.decode(_mended(text[begin:end].lstrip(BETWEEN_EVENTS))))
        except _BROKEN:
            continue
    return events, True


def _mended(text: bytes) -> bytes:
    """With null for NaN and infinities, which JSON does not have; strings stay as they are."""
    return _STRING_OR_NOT_JSON.sub(
        lambda found: found[0] if found[0].startswith(b'"') else b"null", text
    )


def header_of(head: bytes, tail: bytes) -> dict[str, Any]:
    """What stands before and after the events, as far as it can be read."""
    if head.strip() == b"[":
        return {}
    before = head[: head.rindex(b'"traceEvents"')].rstrip(BETWEEN_EVENTS) + b"}"
    for text in (head + b"]" + tail, before):
        try:
            return msgspec.structs.asdict(_HEADER.decode(_mended(text)))
        except _BROKEN:
            continue
    return {}
