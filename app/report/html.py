"""A report as one HTML page: it asks for nothing from anywhere, and runs no script but its own."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from app.report.charts import SERIES, Canvas, chart_svg, legend_names
from app.report.comparison_sections import comparison_report
from app.report.content import (
    Bars,
    Block,
    Figures,
    Grid,
    Lines,
    Report,
    Section,
    Stack,
    Waterfall,
)
from app.report.sections import report_of
from app.report.whole_file import write_whole
from profilers.analysis.comparison import ProfileComparison
from profilers.profile import Profile
from profilers.visible_text import visible

_WIDTHS = (("wide", 960, 260), ("narrow", 350, 220))
_LONGEST_CELL = 300
_MARKS = {"good": "✔", "warning": "⚠", "error": "✖", "": ""}


def write(profile: Profile, path: Path) -> None:
    """Write a report on one profile; raises OSError."""
    write_whole(path, page(report_of(profile)).encode())


def write_comparison(comparison: ProfileComparison, a: Profile, b: Profile, path: Path) -> None:
    """Write a report on two profiles beside each other; raises OSError."""
    write_whole(path, page(comparison_report(comparison, a, b)).encode())


def page(report: Report) -> str:
    """The whole page. Names show as they are: markup and control characters do nothing."""
    folder = resources.files("resources") / "report"
    script = (folder / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "policy": (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        "title": _safe(report.title),
        "subtitle": "<br>".join(map(_safe, report.subtitle.split("\n"))),
        "style": (folder / "report.css").read_text("utf-8"),
        "script": script,
        "contents": "".join(_link(at, each) for at, each in enumerate(report.sections)),
        "body": "".join(_section(at, each) for at, each in enumerate(report.sections)),
    }
    template = (folder / "report.html").read_text("utf-8")
    pieces = template.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [parts[name], rest]
    return "".join(filled)


def _safe(text: str) -> str:
    return escape(visible(text))


def _link(at: int, section: Section) -> str:
    return f"<a href='#s{at}'>{_safe(section.title)}</a>"


def _section(at: int, section: Section) -> str:
    note = f"<p class='note'>{_safe(section.note)}</p>" if section.note else ""
    blocks = "".join(map(_block, section.blocks))
    return f"<section id='s{at}'><h2>{_safe(section.title)}</h2>{note}{blocks}</section>"


def _block(block: Block) -> str:
    if isinstance(block, Figures):
        return _figures(block)
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Lines):
        return _lines(block)
    return _chart(block)


def _figures(block: Figures) -> str:
    cards = "".join(
        f"<div class='card'><div class='label'>{_safe(each.label)}</div>"
        f"<div class='value'>{_safe(each.value)}</div><div class='note'>{_safe(each.note)}</div></div>"
        for each in block.figures
    )
    return f"<div class='cards'>{cards}</div>"


def _lines(block: Lines) -> str:
    items = "".join(
        f"<li class='{each.tone or 'plain'}'>{_MARKS[each.tone]} {_safe(each.text)}"
        f" <span class='note'>{_safe(each.note)}</span></li>"
        for each in block.lines
    )
    return f"<ul class='lines'>{items}</ul>"


def _grid(block: Grid) -> str:
    classes = [
        " ".join(
            name for name, holds in (("text", column.is_text), ("extra", column.is_extra)) if holds
        )
        for column in block.columns
    ]
    head = "".join(
        f"<th class='{kind}'>{_safe(column.title)}</th>"
        for kind, column in zip(classes, block.columns, strict=True)
    )
    rows = []
    for row in block.rows:
        cells = []
        for at, (kind, cell) in enumerate(zip(classes, row.cells, strict=True)):
            bar = padding = ""
            if at == 0 and row.level:
                padding = f" style='padding-left:{0.5 + 1.1 * row.level:.1f}em'"
            if at == block.bar_column and row.share > 0:
                bar = f"<i style='width:{100 * row.share:.1f}%;background:var(--{row.tone})'></i>"
            tip = f" data-tip='{_cut(row.whole)}'" if at == 0 and row.whole else ""
            cells.append(f"<td class='{kind}'{padding}>{bar}<span{tip}>{_cut(cell)}</span></td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    left_out = f"<p class='note'>{_safe(block.left_out)}</p>" if block.left_out else ""
    return (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{left_out}"
    )


def _cut(text: str) -> str:
    return _safe(text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + "…")


def _chart(block: Bars | Stack | Waterfall) -> str:
    drawn = "".join(
        f"<div class='chart {name}'>{chart_svg(block, Canvas(width, height, _styled))}</div>"
        for name, width, height in _WIDTHS
    )
    return drawn + _legend(legend_names(block))


def _legend(names: Sequence[str]) -> str:
    if not names:
        return ""
    keys = "".join(
        f"<span><b style='background:var(--s{at % SERIES})'></b>{_safe(name)}</span>"
        for at, name in enumerate(names)
    )
    return f"<div class='legend'>{keys}</div>"


def _styled(role: str) -> str:
    return "fill='transparent'" if role == "clear" else f"style='fill:var(--{role})'"
