"""Facts printed for people or as JSON."""

import json
from collections.abc import Mapping
from typing import Any

_LONGEST = 100  # characters of several values on one line


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """A mapping as aligned lines, long values with a line for each part, or all of it as JSON."""
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max((len(key) for key in facts), default=0)
    for key, value in facts.items():
        first, *others = _lines(value)
        print(f"{key.replace('_', ' '):<{width}}  {first}")
        for line in others:
            print(f"{'':<{width}}  {line}")


def print_table(rows: list[Mapping[str, Any]], *, as_json: bool) -> None:
    """Rows of equal keys as a table with a header, or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        return
    cells = [list(rows[0]), *([_plain(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _lines(value: Any) -> list[str]:
    plain = _plain(value) or "none"
    if len(plain) <= _LONGEST or not isinstance(value, (Mapping, list, tuple)):
        return [plain]
    if isinstance(value, Mapping):
        return [f"{key}: {_plain(item)}" for key, item in value.items()]
    return list(map(_plain, value))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "not applicable" if value is None else str(value)
