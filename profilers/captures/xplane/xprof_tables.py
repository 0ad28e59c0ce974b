"""Answers of xprof's converters as reports: what says nothing is left out."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from profilers.captures.xplane.xprof_words import (
    TITLES,
    column_title,
    figure_title,
    is_figure,
    is_of_one,
    number_text,
    part_title,
    without_exponent,
)
from profilers.profile import Report

logger = logging.getLogger(__name__)

_NOTHING = frozenset({"", "0", "0.0", "0.00", "0.0%", "0.00%", "false", "N/A", "None", "Unknown"})
_LINK = re.compile(r"<a [^>]*href=[\"'](?P<to>https?://[^\"']+)[\"'][^>]*>(?P<text>[^<]*)</a>")
_TAG = re.compile(r"<[^>]*>|<(?:a|div|span)\b[^>]*$")  # the last one may be cut
_MOST_ROWS = 2_000
_MOST_REPORTS = 50
_LONGEST_CELL = 1_000
_LONGEST_MODULE = 60
_LONG = 40  # letters of a text that is no mere figure
_KIB_PER_MIB = 1024
_PS_PER_US = 1_000_000
_MEMORY_FIGURES = {
    "peakHeapMib": "Peak of the heap (KiB)",
    "peakUnpaddedHeapMib": "Peak without padding (KiB)",
    "totalBufferAllocationMib": "All buffers (KiB)",
    "entryComputationParametersMib": "Parameters (KiB)",
    "maybeLiveOutMib": "Results (KiB)",
}
_OP_COLUMNS = ("Name", "Category", "Time (us)", "Occurrences", "FLOPs", "Bytes")
_ROOFLINE = "roofline_model"
_OF_DEVICES = frozenset({_ROOFLINE, "hlo_stats", "kernel_stats", "op_profile"})
_SILENT = "Without figures"
_NO_FIGURES = "xprof found no operator of a GPU or TPU in this trace that its figures could be of."
_WITH_INFEED = "Include Infeed/Outfeed"


def reports_of(told: Mapping[str, Any]) -> Iterator[Report]:
    """Reports of what `xprof_child` wrote; an answer of another form than is known has none.

    The last one names those of devices that found nothing.
    """
    source = f"xprof {told['version']}"
    silent: dict[str, None] = {}
    seen: set[object] = set()  # the overview repeats a table of another tool
    for tool, module, answer in told["tools"][:_MOST_REPORTS]:
        try:
            reports = _of_tool(tool, str(module), answer, source)
            if not reports and tool in _OF_DEVICES:
                silent[TITLES[tool]] = None
            for report in reports:
                key = report.columns, report.rows
                if key not in seen:
                    yield report
                seen.add(key)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.warning("xprof's %s is not what it used to be: %r", tool, error)
    if silent:
        rows = tuple((title, _NO_FIGURES) for title in silent)
        yield Report(_SILENT, source, {}, ("Converter", "Why"), rows)


def _of_tool(tool: str, module: str, answer: Any, source: str) -> list[Report]:
    if tool == "memory_viewer":
        reports = [_memory(answer, source, module)]
    elif tool == "op_profile":
        reports = [_op_profile(answer, TITLES[tool], source)]
    else:
        return list(_tables(tool, answer, source))
    return [report for report in reports if report.rows]


def _tables(tool: str, answer: Any, source: str) -> Iterator[Report]:
    """A report for each table that has rows; figures of the others go to the first."""
    tables = answer if isinstance(answer, list) else [answer]
    figures = _figures(
        {name: value for table in tables for name, value in (table.get("p") or {}).items()}
    )
    full = [(number, table) for number, table in enumerate(tables) if table.get("rows")]
    if not full and figures:
        yield Report(TITLES[tool], source, figures)
    for number, table in full:
        columns, rows = _columns(tool, table)
        if tool == _ROOFLINE and not any("FLOP" in column for column in columns):
            columns, rows = (), ()  # no operator is known: nothing but the whole program's time
        title = part_title(tool, number, len(full))
        own_figures = figures if number == full[0][0] else {}
        if columns or own_figures:
            yield Report(title, source, own_figures, columns, rows)


def _figures(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties that say something, each sentence once."""
    told: dict[str, str] = {}
    for name, value in properties.items():
        text = without_exponent(_text(value))
        is_known = len(text) > _LONG and text in told.values()
        if text not in _NOTHING and text != "no" and is_figure(name) and not is_known:
            told[figure_title(name)] = text
    return told


def _columns(
    tool: str, table: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Titles and rows without the columns that say nothing in any row."""
    labels = [str(column["label"]) for column in table["cols"]]
    scales = [100 if is_of_one(tool, label) else 1 for label in labels]
    rows = [_row(row["c"], scales) for row in _rows_once(labels, table["rows"])[:_MOST_ROWS]]
    titles = [
        column_title(label, str(column.get("id")))
        for label, column in zip(labels, table["cols"], strict=True)
    ]
    is_tooltip = [(column.get("p") or {}).get("role") == "tooltip" for column in table["cols"]]
    kept = [
        place
        for place in range(len(titles))
        if not is_tooltip[place]
        and labels[place] != _WITH_INFEED
        and any(place < len(row) and row[place] not in _NOTHING for row in rows)
    ]
    return (
        tuple(titles[place] for place in kept),
        tuple(tuple(row[place] if place < len(row) else "" for place in kept) for row in rows),
    )


def _rows_once(labels: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A roofline has every row twice, with and without what infeed and outfeed do."""
    if _WITH_INFEED not in labels:
        return list(rows)
    at = labels.index(_WITH_INFEED)
    return [row for row in rows if (row["c"][at] or {}).get("v") is True]


def _row(cells: Sequence[Mapping[str, Any] | None], scales: Sequence[int]) -> list[str]:
    values = [(cell or {}).get("v") for cell in cells]
    return [
        _text(value * scale if scale != 1 and isinstance(value, float) else value)
        for value, scale in zip(values, scales, strict=False)
    ]


def _text(value: Any) -> str:
    """A cell in one line; a link's address stands behind its text."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    if isinstance(value, float):
        return number_text(value)
    linked = _LINK.sub(r"\g<text> (\g<to>)", str(value)[: 4 * _LONGEST_CELL])
    return " ".join(unescape(_TAG.sub("", linked)).split())[:_LONGEST_CELL]


def _memory(answer: Mapping[str, Any], source: str, module: str) -> Report:
    """The buffers that are alive at the peak, largest first."""
    figures = {"Module": module[:_LONGEST_CELL]} | {
        name: _kib(answer[key]) for key, name in _MEMORY_FIGURES.items() if answer.get(key)
    }
    rows = [
        (
            _text(buffer.get("label", "")),
            _text(buffer.get("groupName", "")),
            _kib(buffer.get("logicalBufferSizeMib", 0)),
            _text(buffer.get("opCode", "")),
            _text(buffer.get("tfOpName", "")),
        )
        for buffer in answer.get("maxHeapBySize", ())[:_MOST_ROWS]
    ]
    columns = ("Buffer at the peak", "Group", "Size (KiB)", "HLO operator", "Framework operator")
    title = f"{TITLES['memory_viewer']}: {module[:_LONGEST_MODULE]}"
    return Report(title, source, figures, columns, tuple(rows))


def _kib(mib: Any) -> str:
    return number_text(float(mib) * _KIB_PER_MIB)


def _op_profile(answer: Mapping[str, Any], title: str, source: str) -> Report:
    """The tree of programs, categories and operators, indented."""
    root = answer.get("byProgram") or {}
    rows: list[tuple[str, ...]] = []
    waiting: list[tuple[Mapping[str, Any], int]] = [(e, 0) for e in _children(root)][::-1]
    while waiting and len(rows) < _MOST_ROWS:
        node, depth = waiting.pop()
        metrics = node.get("metrics") or {}
        size = sum(float(each) for each in metrics.get("rawBytesAccessedArray", ()))
        cells = (
            (node.get("xla") or {}).get("category", ""),
            float(metrics.get("rawTime", 0)) / _PS_PER_US,
            metrics.get("occurrences") or "",  # programs and categories have none
            float(metrics.get("rawFlops", 0)),
            size,
        )
        name = "\u2003" * depth + str(node.get("name", ""))[:_LONGEST_CELL]
        rows.append((name, *(_text(cell) for cell in cells)))
        waiting += [(each, depth + 1) for each in _children(node)][::-1]
    figures = {"Device": str(answer.get("deviceType", ""))}
    return Report(title, source, figures, _OP_COLUMNS, tuple(rows))


def _children(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return node.get("children") or ()
