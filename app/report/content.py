"""What a report says, apart from how it looks: sections of blocks that HTML and PDF both draw."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Large numbers beside each other."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Column:
    """`is_text` cells stand to the left; `is_extra` ones are left out where there is little room."""

    title: str
    is_text: bool = False
    is_extra: bool = False


@dataclass(frozen=True)
class Row:
    """`share` (0 to 1) draws a bar; `level` indents the first cell; `tone` is a colour's role.

    `whole` is what the first cell is short for, "" where it is whole itself.
    """

    cells: tuple[str, ...]
    share: float = 0.0
    level: int = 0
    tone: str = "s0"
    whole: str = ""


@dataclass(frozen=True)
class Grid:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    left_out: str = ""  # what was not shown, in words
    bar_column: int = 1  # where the rows' shares are drawn


@dataclass(frozen=True)
class Bars:
    """Values side by side; each series has one value per label."""

    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    unit: str  # "ns" or "B"


@dataclass(frozen=True)
class Stack:
    """Levels over time: `levels` has one row per name, drawn from the bottom up."""

    names: tuple[str, ...]
    times_ns: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]
    marks_ns: tuple[int, ...] = ()  # where steps begin


@dataclass(frozen=True)
class Waterfall:
    """From one value to another through what was added and taken away; times in ns."""

    begin: tuple[str, float]
    changes: tuple[tuple[str, float], ...]
    end: tuple[str, float]


@dataclass(frozen=True)
class Line:
    """`tone` is "good", "warning", "error" or "" ."""

    text: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Lines:
    lines: tuple[Line, ...]


Block = Figures | Grid | Bars | Stack | Waterfall | Lines


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass(frozen=True)
class Report:
    title: str
    subtitle: str
    sections: Sequence[Section] = field(default_factory=tuple)
