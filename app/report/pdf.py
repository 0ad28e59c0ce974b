"""A report as PDF: the sections of the page, drawn on A4."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from app.off_screen import draw_off_screen
from app.report.charts import SERIES, Canvas, chart_svg, legend_names
from app.report.comparison_sections import comparison_report
from app.report.content import (
    Block,
    Figures,
    Grid,
    Lines,
    Report,
)
from app.report.sections import report_of
from app.report.whole_file import write_whole
from profilers.analysis.comparison import ProfileComparison
from profilers.profile import Profile
from profilers.visible_text import visible

_COLOURS = {
    "text": "#1b1f24", "muted": "#5d6776", "grid": "#dde1e6", "good": "#1a7f37", "bad": "#d05a50",
    "warning": "#9a6700", "error": "#c0232c", "s0": "#3b78d8", "s1": "#d9822b", "s2": "#2f9e6e",
    "s3": "#9a5fc7", "s4": "#c2a21f", "s5": "#3aa6b9", "s6": "#c8577e", "s7": "#7d8896",
}  # fmt: skip
_CHART = (700, 210)
_LONGEST_CELL = 70
_TABLE = "<table width='100%' cellpadding='2' cellspacing='0'>"
_MARKS = {"good": "✔", "warning": "⚠", "error": "✖", "": "•"}


def write(profile: Profile, path: Path) -> None:
    """Write a report on one profile; raises OSError."""
    write_whole(path, document(report_of(profile)))


def write_comparison(comparison: ProfileComparison, a: Profile, b: Profile, path: Path) -> None:
    """Write a report on two profiles beside each other; raises OSError."""
    write_whole(path, document(comparison_report(comparison, a, b)))


def document(report: Report) -> bytes:
    """The PDF file's bytes."""
    draw_off_screen()
    from PySide6.QtGui import QGuiApplication

    from app.report.pdf_pages import PdfPages

    application = QGuiApplication.instance() or _application()
    assert application is not None
    pages = PdfPages(visible(report.title))
    subtitle = "<br>".join(map(_safe, report.subtitle.split("\n")))
    pages.text(f"<h1>{_safe(report.title)}</h1><p class='note'>{subtitle}</p>")
    for section in report.sections:
        note = f"<p class='note'>{_safe(section.note)}</p>" if section.note else ""
        heading = f"<h2>{_safe(section.title)}</h2>{note}"
        for block in section.blocks:
            for piece in _pieces(block):
                if piece.startswith("<svg"):
                    pages.svg(heading, piece)
                elif piece.startswith(_TABLE):
                    pages.table(heading + piece)
                else:
                    pages.text(heading + piece)
                heading = ""
    return pages.finished()


def _application() -> object:
    from PySide6.QtWidgets import QApplication

    return QApplication(["twinscope"])


def _pieces(block: Block) -> Iterator[str]:
    """What may stand on pages of their own."""
    if isinstance(block, Figures):
        yield _figures(block)
    elif isinstance(block, Lines):
        for line in block.lines:
            colour = _COLOURS.get(line.tone, _COLOURS["text"])
            yield (
                f"<p><span style='color:{colour}'>{_MARKS[line.tone]} {_safe(line.text)}</span> "
                f"<span class='note'>{_safe(line.note)}</span></p>"
            )
    elif isinstance(block, Grid):
        yield _grid(block)
        if block.left_out:
            yield f"<p class='note'>{_safe(block.left_out)}</p>"
    else:
        yield chart_svg(block, Canvas(*_CHART, _filled, 11))
        yield _legend(legend_names(block))


def _figures(block: Figures) -> str:
    cells = [
        f"<td width='25%'><span class='note'>{_safe(each.label)}</span><br>"
        f"<b>{_safe(each.value)}</b><br><span class='note'>{_safe(each.note)}</span></td>"
        for each in block.figures
    ]
    lines = ["".join(cells[at : at + 4]) for at in range(0, len(cells), 4)]
    return f"<table width='100%' cellpadding='4'><tr>{'</tr><tr>'.join(lines)}</tr></table>"


def _grid(block: Grid) -> str:
    sides = ["left" if column.is_text else "right" for column in block.columns]
    head = "".join(
        f"<th align='{side}'>{'&nbsp;&nbsp;' if at and side == 'left' else ''}{_safe(column.title)}</th>"
        for at, (side, column) in enumerate(zip(sides, block.columns, strict=True))
    )
    rows = []
    for row in block.rows:
        before = ["&nbsp;" * (4 * row.level), *["&nbsp;&nbsp;"] * len(sides)]
        cells = "".join(
            f"<td align='{side}'>{before[at] if side == 'left' else ''}{_cut(cell)}</td>"
            for at, (side, cell) in enumerate(zip(sides, row.cells, strict=True))
        )
        rows.append(f"<tr>{cells}</tr>")
    return f"{_TABLE}<tr>{head}</tr>{''.join(rows)}</table>"


def _legend(names: Sequence[str]) -> str:
    if not names:
        return ""
    keys = (
        f"<span style='color:{_COLOURS[f's{at % SERIES}']}'>■</span> {_safe(name)}"
        for at, name in enumerate(names)
    )
    return f"<p class='note'>{' &nbsp; '.join(keys)}</p>"


def _filled(role: str) -> str:
    return "fill='none'" if role == "clear" else f"fill='{_COLOURS[role]}'"


def _cut(text: str) -> str:
    return _safe(text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…")


def _safe(text: str) -> str:
    return escape(visible(text))
