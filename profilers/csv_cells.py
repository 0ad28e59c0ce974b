"""Cells of tables that spreadsheets open: text stays text, on one line and in its own order."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

_FORMULA_SIGNS = frozenset("=+-@＝＋－＠﹦﹢﹣﹫−")
_SEPARATOR = ";"  # of cells, in one country or another
_FORMULA_BEHIND = re.compile(rf"(;[^\w;]{{0,8}}?)(?=[{re.escape(''.join(_FORMULA_SIGNS))}])")
_DIFFERENCE = re.compile(r"−[\d.,]+(?: [a-zA-Zµ%×/]{1,12})?")  # ``−12.3 ms``, as it is told
_PICTURES_OF_CONTROLS = 0x2400
_TURNING = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_MARKS_OF_DIRECTION = "\u200e\u200f\u061c"


def inert(cell: Any) -> Any:
    """The cell, with an apostrophe before text that a spreadsheet would take for a formula.

    Blanks and signs without a width before a formula do not hide it: some programs leave them out.
    Nor does text before a semicolon, at which other countries' programs begin another cell, whether
    it is quoted or not. Line breaks, tabs and other controls are shown as their pictures (``␊``), and
    what turns the order of signs around by its number (``‹202E›``).
    """
    if not isinstance(cell, str) or _DIFFERENCE.fullmatch(cell):
        return cell
    cell = cell if cell.isprintable() else "".join(map(_shown, cell))
    cell = _FORMULA_BEHIND.sub(r"\1'", cell)
    first = next((sign for sign in cell if sign.isprintable() and not sign.isspace()), "")
    return f"'{cell}" if first in _FORMULA_SIGNS else cell


def _shown(sign: str) -> str:
    code, category = ord(sign), unicodedata.category(sign)
    if code < 0x20:
        return chr(_PICTURES_OF_CONTROLS + code)
    is_turning = unicodedata.bidirectional(sign) in _TURNING or sign in _MARKS_OF_DIRECTION
    if is_turning or category in ("Cc", "Zl", "Zp"):
        return f"‹{code:04X}›"
    return sign


def write_rows(out: TextIO, rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    """Write a header and rows; `delimiter` is a tab for what goes to a clipboard.

    Text is quoted in rows with anything that some program would begin another cell or line at.
    """
    plain = csv.writer(out, delimiter=delimiter)
    quoting = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        has_separator = any(isinstance(cell, str) and _SEPARATOR in cell for cell in row)
        (quoting if has_separator else plain).writerow([inert(cell) for cell in row])
