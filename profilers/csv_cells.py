"""Cells of tables that spreadsheets open: text stays text."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

_FORMULA_SIGNS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫−")
_BREAKS = ("\t", "\r", "\n")
_SEPARATORS = re.compile(r"[;\t\r\n]")  # of cells or lines, in one country or another
_FORMULA_BEHIND = re.compile(
    rf"([;\t\r\n][^\w;\t\r\n]{{0,8}}?)(?=[{re.escape(''.join(_FORMULA_SIGNS))}])"
)


def inert(cell: Any) -> Any:
    """The cell, with an apostrophe before text that a spreadsheet would take for a formula.

    Blanks and signs without a width before a formula do not hide it: some programs leave them out.
    Nor does text before a semicolon, a tab or a line break, at which other countries' programs begin
    another cell, whether it is quoted or not.
    """
    if not isinstance(cell, str):
        return cell
    cell = _FORMULA_BEHIND.sub(r"\1'", cell)
    first = next((sign for sign in cell if sign.isprintable() and not sign.isspace()), "")
    return f"'{cell}" if first in _FORMULA_SIGNS or cell.startswith(_BREAKS) else cell


def write_rows(out: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    """Write a header and rows; `delimiter` is a tab for what goes to a clipboard.

    Text is quoted in rows with anything that some program would begin another cell or line at.
    """
    plain = csv.writer(out, delimiter=delimiter)
    quoting = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        has_separator = any(isinstance(cell, str) and _SEPARATORS.search(cell) for cell in row)
        (quoting if has_separator else plain).writerow([inert(cell) for cell in row])
