"""A column of JSON objects kept as text and decoded one row at a time."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from profilers.profile.table import Int64


class JsonColumn(Protocol):
    """Rows of JSON objects; a row without an object has empty text."""

    def __len__(self) -> int: ...

    def text(self, row: int) -> bytes:
        """UTF-8 JSON text of one row, or ``b""``."""


@dataclass(frozen=True, eq=False)
class JsonText:
    """All rows back to back: row i is ``data[offsets[i]:offsets[i + 1]]``."""

    offsets: Int64
    data: bytes

    @classmethod
    def from_texts(cls, texts: Iterable[bytes]) -> "JsonText":
        rows = list(texts)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(offsets, b"".join(rows))

    @classmethod
    def from_objects(cls, objects: Iterable[dict[str, Any] | None]) -> "JsonText":
        return cls.from_texts(
            json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() if item else b""
            for item in objects
        )

    @classmethod
    def blank(cls, rows: int) -> "JsonText":
        return cls(np.zeros(rows + 1, np.int64), b"")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def text(self, row: int) -> bytes:
        return self.data[self.offsets[row] : self.offsets[row + 1]]


def decode(column: JsonColumn, row: int) -> dict[str, Any]:
    """The object of one row; an empty or malformed row gives an empty dict."""
    text = column.text(row)
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"unreadable": text.decode("utf-8", "replace")}
    return value if isinstance(value, dict) else {"value": value}
