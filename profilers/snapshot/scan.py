"""A search through a finished snapshot for what must not be in it."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from profilers.snapshot import archive
from profilers.snapshot.archive import MANIFEST, MIME_MEMBER, Parts
from profilers.snapshot.columns import decode, decompressed
from profilers.snapshot.layer_names import LayerNames
from profilers.snapshot.packed_json import BLOCK_ROWS
from profilers.snapshot.secrets import Secrets

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_SHORTEST_IN_NUMBERS = 5  # shorter words stand in the bytes of numbers by chance


@dataclass(frozen=True)
class Finding:
    """`member` of the archive, and the `text` that was found in it."""

    member: str
    text: str


def scan(path: Path, secrets: Secrets, layers: LayerNames | None = None) -> list[Finding]:
    """What of the secrets is in the file: in its raw bytes, names, manifest or any unpacked member.

    Columns and blocks of JSON are unpacked first; the bytes of columns of numbers are searched for
    words of five letters and more. Moments of the wall clock are found, too.

    Raises
    ------
    DamagedFile
        If the file is no sound snapshot.
    """
    found: list[Finding] = []
    for member, text, kind in _searched(path):
        if kind is _Kind.TEXT:
            hits = [*secrets.found_in(text), *(layers.found_in(text) if layers else ())]
        elif kind is _Kind.FORMAT:
            hits = [*secrets.found_in(text)]
        elif kind is _Kind.RAW:
            hits = [*secrets.words_in(text)]
        elif kind is _Kind.MOMENT:
            hits = [text]
        else:
            hits = [*_words_in_numbers(text, secrets)]
        found += [Finding(member, hit) for hit in hits]
    return found


class _Kind(Enum):
    TEXT = "text"  # of the profile
    FORMAT = "format"  # holds the format's own words
    RAW = "raw"  # whose texts are searched apart
    NUMBERS = "numbers"
    MOMENT = "moment"  # of the wall clock: always found


def _searched(path: Path) -> Iterator[tuple[str, str, _Kind]]:
    """Every part of the file as text, and what it is."""
    profiles, about = archive.load(path)
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            if info.filename in (MANIFEST, MIME_MEMBER):
                yield info.filename, _told(opened.read(info)), _Kind.FORMAT
            yield "name of a member", info.filename, _Kind.RAW
            yield "comment of a member", _told(info.comment + info.extra), _Kind.TEXT
        yield "comment of the archive", _told(opened.comment), _Kind.TEXT
    yield f"about all in {MANIFEST}", "\n".join(_texts_in(about)), _Kind.TEXT
    for number, parts in enumerate(profiles):
        yield f"{number} in {MANIFEST}", "\n".join(_texts_in(parts.values)), _Kind.TEXT
        yield from (
            (f"{number} in {MANIFEST}", each, _Kind.MOMENT) for each in _moments_in(parts.values)
        )
        for member, data in parts.members.items():
            for text, kind in _unpacked(member, parts, bytes(data[:])):
                yield f"{number}/{member}", text, kind


def _texts_in(value: Any) -> Iterator[str]:
    """What the values of a profile say; their keys are the format's, but for labels of facts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value.get("facts", {}) if isinstance(value.get("facts"), dict) else ()
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


def _moments_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if item and (key == "measured_on" or key.endswith("_unix_ns")):
                yield f"{key} {item}"
            yield from _moments_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _moments_in(item)


def _unpacked(member: str, parts: Parts, data: bytes) -> Iterator[tuple[str, _Kind]]:
    entry = parts.entries.get(member, {})
    if entry.get("encoding") == "json-blocks":
        for text in _blocks(member, parts, data):
            yield text, _Kind.RAW
            yield "\n".join(set(_STRING.findall(text))), _Kind.TEXT
    elif member.endswith("strings/text"):
        joined = decode(data, entry, np.dtype("u1")).tobytes()
        yield "\n".join(_strings(member, parts, joined)), _Kind.TEXT
    elif "dtype" in entry:
        yield _told(decode(data, entry, np.dtype(entry["dtype"])).tobytes()), _Kind.NUMBERS
    else:
        yield _told(data), _Kind.TEXT
        yield from ((text, _Kind.TEXT) for text in _perhaps_packed(data))


def _blocks(member: str, parts: Parts, data: bytes) -> Iterator[str]:
    sizes, lengths = (
        _column(parts, f"{member.removesuffix('data')}{name}") for name in ("blocks", "lengths")
    )
    ends = np.cumsum(sizes).tolist()
    rows = np.add.reduceat(lengths, np.arange(0, len(lengths), BLOCK_ROWS)).tolist()
    for begin, end, size in zip([0, *ends], ends, rows, strict=False):
        yield _told(decompressed(data[begin:end], size))


def _strings(member: str, parts: Parts, text: bytes) -> Iterator[str]:
    ends = np.cumsum(_column(parts, f"{member.removesuffix('text')}lengths")).tolist()
    yield "\n".join(_told(text[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))


def _column(parts: Parts, name: str) -> Any:
    data = parts.members.get(name, b"")
    return decode(bytes(data[:]), parts.entries[name], np.dtype("i8"))


def _perhaps_packed(data: bytes) -> Iterator[str]:
    try:
        yield _told(zstandard.ZstdDecompressor().decompress(data))
    except zstandard.ZstdError:
        return


def _words_in_numbers(text: str, secrets: Secrets) -> Iterator[str]:
    lowered = text.lower()
    return (
        word
        for word in secrets.words
        if len(word) >= _SHORTEST_IN_NUMBERS and word.lower() in lowered
    )


def _told(data: bytes) -> str:
    """As text, with what JSON escapes written out."""
    text = data.decode("utf-8", "replace").replace("\\/", "/")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text
