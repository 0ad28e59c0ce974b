"""A profile's tables as Parquet, where pyarrow is installed; the same tables as CSV has."""

from pathlib import Path
from typing import Any

from app.report.csv_tables import operators_table, tables_of
from profilers.errors import TwinscopeError
from profilers.profile import Profile


def write(profile: Profile, path: Path) -> None:
    """Write every table into a folder; only the operators if `path` ends in ``.parquet``.

    Raises
    ------
    TwinscopeError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise TwinscopeError(
            "Cannot write Parquet",
            "pyarrow is not installed",
            "Install it with pip install pyarrow, or write CSV.",
        ) from error

    def store(rows: Any, out: Path) -> None:
        header, *cells = [list(row) for row in rows]
        columns = {name: _uniform([row[at] for row in cells]) for at, name in enumerate(header)}
        parquet.write_table(pyarrow.table(columns), out)

    if path.suffix == ".parquet":
        store(operators_table(profile), path)
        return
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in tables_of(profile):
        store(rows, path / f"{name}.parquet")


def _uniform(cells: list[Any]) -> list[Any]:
    """Numbers where all are; a column of both becomes text. Empty cells are nulls."""
    known = [None if cell == "" else cell for cell in cells]
    is_text = any(isinstance(cell, str) for cell in known)
    if not is_text:
        return known
    return [
        None if cell is None else str(cell).encode("utf-8", "replace").decode() for cell in known
    ]
