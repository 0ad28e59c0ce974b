"""Answers of xprof's converters as reports: what says nothing is left out."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from profilers.profile import Report

logger = logging.getLogger(__name__)

_TITLES = {
    "overview_page": "Overview",
    "input_pipeline_analyzer": "Input pipeline",
    "framework_op_stats": "Framework operators",
    "roofline_model": "Roofline",
    "hlo_stats": "HLO operators",
    "kernel_stats": "Kernels",
    "op_profile": "Op profile",
    "memory_viewer": "Memory of an HLO module",
}
_PARTS = {  # of an answer that holds several tables
    ("overview_page", 1): "steps",
    ("overview_page", 3): "advice",
    ("overview_page", 4): "latency",
    ("input_pipeline_analyzer", 1): "steps",
    ("framework_op_stats", 0): "with idle time",
    ("framework_op_stats", 1): "without idle time",
}
_COLUMN_TITLES = {"tip_type": "Kind", "link": "Advice", "description": "What for"}
_NOTHING = frozenset({"", "0", "0.0", "0.00", "0.0%", "0.00%", "false", "N/A", "None", "Unknown"})
_NO_FIGURE = re.compile(r"_ids$|_color$|^summary_|trace_level$")
_TAG = re.compile(r"<[^>]*>")
_MOST_ROWS = 2_000
_MOST_REPORTS = 50
_LONGEST_CELL = 1_000
_MEMORY_FIGURES = {
    "peakHeapMib": "Peak of the heap (MiB)",
    "peakUnpaddedHeapMib": "Peak without padding (MiB)",
    "totalBufferAllocationMib": "All buffers (MiB)",
    "entryComputationParametersMib": "Parameters (MiB)",
    "maybeLiveOutMib": "Results (MiB)",
}
_OP_COLUMNS = ("Name", "Category", "Time (ps)", "Occurrences", "FLOPs", "Bytes")


def reports_of(told: Mapping[str, Any]) -> Iterator[Report]:
    """Reports of what `xprof_child` wrote; an answer of another form than is known has none."""
    source = f"xprof {told['version']}"
    seen: set[object] = set()  # the overview repeats a table of another tool
    for tool, module, answer in told["tools"][:_MOST_REPORTS]:
        try:
            for report in _of_tool(tool, str(module), answer, source):
                key = report.columns, report.rows
                if key not in seen:
                    yield report
                seen.add(key)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.warning("xprof's %s is not what it used to be: %r", tool, error)


def _of_tool(tool: str, module: str, answer: Any, source: str) -> list[Report]:
    title = _TITLES[tool]
    if tool == "memory_viewer":
        reports = [_memory(answer, title, source, module)]
    elif tool == "op_profile":
        reports = [_op_profile(answer, title, source)]
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
        yield Report(_TITLES[tool], source, figures)
    for number, table in full:
        columns, rows = _columns(table)
        part = _PARTS.get((tool, number), f"table {number + 1}")
        title = f"{_TITLES[tool]}: {part}" if len(tables) > 1 else _TITLES[tool]
        if columns:
            yield Report(title, source, figures if number == full[0][0] else {}, columns, rows)


def _figures(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties that say something, each text once."""
    by_text: dict[str, str] = {}
    for name, value in properties.items():
        text = _text(value)
        if text not in _NOTHING and text != "no" and not _NO_FIGURE.search(name):
            by_text.setdefault(text, name)
    return {_words(name): text for text, name in by_text.items()}


def _words(name: str) -> str:
    """ "Steptime ms average" of "steptime_ms_average"."""
    return name.replace("_", " ").strip().capitalize()


def _columns(table: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Titles and rows without the columns that say nothing in any row."""
    rows = [
        [_text((cell or {}).get("v")) for cell in row["c"]] for row in table["rows"][:_MOST_ROWS]
    ]
    labels = [str(column["label"]) for column in table["cols"]]
    titles = [_COLUMN_TITLES.get(label, label) for label in labels]
    is_tooltip = [(column.get("p") or {}).get("role") == "tooltip" for column in table["cols"]]
    kept = [
        place
        for place in range(len(titles))
        if not is_tooltip[place]
        and any(place < len(row) and row[place] not in _NOTHING for row in rows)
    ]
    return (
        tuple(titles[place] for place in kept),
        tuple(tuple(row[place] if place < len(row) else "" for place in kept) for row in rows),
    )


def _text(value: Any) -> str:
    """A cell in one line; numbers with at most six digits that count."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e15 else str(value)
    return " ".join(unescape(_TAG.sub("", str(value)[: 4 * _LONGEST_CELL])).split())[:_LONGEST_CELL]


def _memory(answer: Mapping[str, Any], title: str, source: str, module: str) -> Report:
    """The buffers that are alive at the peak, largest first."""
    figures = {"Module": module[:_LONGEST_CELL]} | {
        name: _text(float(answer[key])) for key, name in _MEMORY_FIGURES.items() if answer.get(key)
    }
    rows = [
        tuple(
            _text(buffer.get(key, ""))
            for key in ("label", "groupName", "logicalBufferSizeMib", "opCode", "tfOpName")
        )
        for buffer in answer.get("maxHeapBySize", ())[:_MOST_ROWS]
    ]
    columns = ("Buffer at the peak", "Group", "Size (MiB)", "HLO operator", "TensorFlow operator")
    return Report(title, source, figures, columns, tuple(rows))


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
            metrics.get("rawTime", 0),
            metrics.get("occurrences", 0),
            metrics.get("rawFlops", 0),
            size,
        )
        name = "\u2003" * depth + str(node.get("name", ""))[:_LONGEST_CELL]
        rows.append((name, *(_text(cell) for cell in cells)))
        waiting += [(each, depth + 1) for each in _children(node)][::-1]
    figures = {"Device": str(answer.get("deviceType", ""))}
    return Report(title, source, figures, _OP_COLUMNS, tuple(rows))


def _children(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return node.get("children") or ()
