"""Tables as Parquet, where pyarrow is installed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def can_write() -> bool:
    """Whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def write_rows(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows; columns of one name are numbered.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If the file cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    header, *cells = rows
    columns = [pyarrow.array(_uniform([row[at] for row in cells])) for at in range(len(header))]
    parquet.write_table(pyarrow.table(columns, names=_told_apart(header)), path)


def _told_apart(header: Sequence[Any]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for name in map(str, header):
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return names


def _uniform(cells: list[Any]) -> list[Any]:
    """Numbers where all are; a column of both becomes text. Empty cells are nulls."""
    known = [None if cell == "" else cell for cell in cells]
    is_text = any(isinstance(cell, str) for cell in known)
    if not is_text:
        return known
    return [
        None if cell is None else str(cell).encode("utf-8", "replace").decode() for cell in known
    ]
