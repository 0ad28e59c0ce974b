"""A profile's tables as Parquet, where pyarrow is installed; the same tables as CSV has."""

from pathlib import Path

from app.report.csv_tables import operators_table, tables_of
from profilers.errors import TwinscopeError
from profilers.parquet_cells import can_write, write_rows
from profilers.profile import Profile


def write(profile: Profile, path: Path) -> None:
    """Write every table into a folder; only the operators if `path` ends in ``.parquet``.

    Raises
    ------
    TwinscopeError
        If pyarrow is not installed.
    """
    if not can_write():
        raise TwinscopeError(
            "Cannot write Parquet",
            "pyarrow is not installed",
            "Install it with pip install pyarrow, or write CSV.",
        )
    if path.suffix == ".parquet":
        write_rows(path, operators_table(profile))
        return
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in tables_of(profile):
        write_rows(path / f"{name}.parquet", rows)
