"""Interned strings: a column of text is a column of row numbers in one table per profile."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class StringTable(Sequence[str]):
    """Immutable strings by row number. Row -1 means none and reads as the empty string."""

    def __init__(self, strings: Iterable[str] = ()) -> None:
        self._strings = tuple(strings)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return self._strings[row]
        return self._strings[row] if row >= 0 else ""

    def __len__(self) -> int:
        return len(self._strings)

    def __iter__(self) -> Iterator[str]:
        return iter(self._strings)

    def find(self, text: str) -> int:
        """Row of `text`, or -1."""
        try:
            return self._strings.index(text)
        except ValueError:
            return -1


class StringPool:
    """Collects strings while a profile is built; `table()` freezes it."""

    def __init__(self, strings: Iterable[str] = ()) -> None:
        self._rows: dict[str, int] = {}
        for text in strings:
            self.add(text)

    def add(self, text: str) -> int:
        """Row of `text`, added if new."""
        return self._rows.setdefault(text, len(self._rows))

    def has(self, text: str) -> bool:
        return text in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def table(self) -> StringTable:
        return StringTable(self._rows)
