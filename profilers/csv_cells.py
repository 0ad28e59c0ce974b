"""Cells of tables that spreadsheets open: text stays text."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

_FORMULA_SIGNS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫−")
_BREAKS = ("\t", "\r", "\n")


def inert(cell: Any) -> Any:
    """The cell, with an apostrophe before text that a spreadsheet would take for a formula.

    Blanks and signs without a width before a formula do not hide it: some programs leave them out.
    """
    if not isinstance(cell, str):
        return cell
    first = next((sign for sign in cell if sign.isprintable() and not sign.isspace()), "")
    return f"'{cell}" if first in _FORMULA_SIGNS or cell.startswith(_BREAKS) else cell


def write_rows(out: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    """Write a header and rows; `delimiter` is a tab for what goes to a clipboard."""
    writer = csv.writer(out, delimiter=delimiter)
    for row in rows:
        writer.writerow([inert(cell) for cell in row])
