"""A profile's tables as CSV: the operators alone into a .csv file, else every table into a folder."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from profilers.analysis.operators import by_name, by_node
from profilers.analysis.stats import statistics
from profilers.profile import MemoryCategory, Profile, SliceKind

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def write(profile: Profile, path: Path) -> None:
    """Write ``operators.csv``, ``kernels.csv``, ``nodes.csv``, ``allocations.csv``, ``notes.csv``
    and ``summary.csv``.

    If `path` ends in ``.csv`` only the operators are written, to that file. Text that a spreadsheet
    would take for a formula is preceded by an apostrophe.
    """
    if path.suffix == ".csv":
        _write_table(path, _operators(profile, SliceKind.OPERATOR))
        return
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in (
        ("operators", _operators(profile, SliceKind.OPERATOR)),
        ("kernels", _operators(profile, SliceKind.KERNEL)),
        ("nodes", _nodes(profile)),
        ("allocations", _allocations(profile)),
        ("notes", _notes(profile)),
        ("summary", _summary(profile)),
    ):
        _write_table(path / f"{name}.csv", rows)


def _write_table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="replace") as out:
        writer = csv.writer(out)
        for row in rows:
            writer.writerow([_inert(cell) for cell in row])


def _inert(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_SIGNS) else cell


def _operators(profile: Profile, kind: SliceKind) -> Iterator[Sequence[Any]]:
    table = by_name(profile, kind)
    columns = list(table.columns())[1:]
    yield ["name", *columns]
    for key, *figures in zip(*(each.tolist() for each in table.columns().values()), strict=True):
        yield [profile.strings[key], *figures]


def _nodes(profile: Profile) -> Iterator[Sequence[Any]]:
    nodes, strings = profile.authored.nodes, profile.strings
    table = by_node(profile)
    figures = {
        key: (calls, total, own)
        for key, calls, total, own in zip(
            table.key.tolist(), table.calls.tolist(), table.total_ns.tolist(),
            table.self_ns.tolist(), strict=True,
        )
    }  # fmt: skip
    yield ["name", "operator", "flops", "parameter_bytes", "calls", "total_ns", "self_ns"]
    for row in range(len(nodes)):
        yield [
            strings[int(nodes.name[row])],
            strings[int(nodes.operator[row])],
            int(nodes.flops[row]) if nodes.flops[row] >= 0 else "",
            int(nodes.parameter_bytes[row]),
            *figures.get(row, (0, 0, 0)),
        ]


def _allocations(profile: Profile) -> Iterator[Sequence[Any]]:
    table, strings, graph = profile.memory.allocations, profile.strings, profile.authored
    yield ["allocated_ns", "freed_ns", "bytes", "device", "category", "node", "parameter"]
    for row in range(len(table)):
        node, parameter = int(table.node[row]), int(table.parameter[row])
        yield [
            int(table.allocated_ns[row]),
            int(table.freed_ns[row]),
            int(table.bytes[row]),
            strings[int(table.device[row])],
            MemoryCategory(int(table.category[row])).name.lower(),
            strings[int(graph.nodes.name[node])] if node >= 0 else "",
            strings[int(graph.parameters.name[parameter])] if parameter >= 0 else "",
        ]


def _notes(profile: Profile) -> Iterator[Sequence[Any]]:
    names = profile.authored.nodes.name
    yield ["node", "author", "written_unix_ns", "text"]
    for note in profile.notes:
        name = profile.strings[int(names[note.node])]
        yield [name, note.author, note.written_unix_ns, note.text]


def _summary(profile: Profile) -> Iterator[Sequence[Any]]:
    yield ["figure", "value"]
    for name, value in statistics(profile).items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield [name, value]
