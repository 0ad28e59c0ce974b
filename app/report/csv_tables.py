"""A profile's tables as CSV: the operators alone into a .csv file, else every table into a folder."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from profilers.analysis.operators import by_name, by_node
from profilers.analysis.stats import statistics
from profilers.csv_cells import write_rows
from profilers.profile import NEVER_NS, MemoryCategory, Profile, SliceKind


def write(profile: Profile, path: Path) -> None:
    """Write ``operators.csv``, ``kernels.csv``, ``nodes.csv``, ``allocations.csv``, ``notes.csv``
    and ``summary.csv``.

    If `path` ends in ``.csv`` only the operators are written, to that file. Text that a spreadsheet
    would take for a formula is preceded by an apostrophe; line breaks and controls are made visible.
    """
    if path.suffix == ".csv":
        _write_table(path, operators_table(profile))
        return
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in tables_of(profile):
        _write_table(path / f"{name}.csv", rows)


def tables_of(profile: Profile) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """Names of tables, and their rows with the header first."""
    yield "operators", operators_table(profile)
    yield "kernels", _operators(profile, SliceKind.KERNEL)
    yield "nodes", _nodes(profile)
    yield "allocations", _allocations(profile)
    yield "notes", _notes(profile)
    yield "summary", _summary(profile)


def operators_table(profile: Profile) -> Iterable[Sequence[Any]]:
    return _operators(profile, SliceKind.OPERATOR)


def _write_table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="replace") as out:
        write_rows(out, rows)


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
            int(table.freed_ns[row]) if table.freed_ns[row] != NEVER_NS else "",
            int(table.bytes[row]),
            strings[int(table.device[row])],
            MemoryCategory(int(table.category[row])).name.lower(),
            strings[int(graph.nodes.name[node])] if node >= 0 else "",
            strings[int(graph.parameters.name[parameter])] if parameter >= 0 else "",
        ]


def _notes(profile: Profile) -> Iterator[Sequence[Any]]:
    names, slices, strings = profile.authored.nodes.name, profile.trace.slices, profile.strings
    yield [
        "node", "slice", "begin_ns", "end_ns", "author", "written_unix_ns", "text", "id",
        "answer_to",
    ]  # fmt: skip
    for note in profile.notes:
        begin_ns, end_ns = note.time_range_ns or ("", "")
        yield [
            strings[int(names[note.node])] if note.node >= 0 else "",
            strings[int(slices.name[note.slice])] if note.slice >= 0 else "",
            int(slices.start_ns[note.slice]) if note.slice >= 0 else begin_ns,
            end_ns,
            note.author,
            note.written_unix_ns,
            note.text,
            note.id,
            note.answer_to,
        ]


def _summary(profile: Profile) -> Iterator[Sequence[Any]]:
    yield ["figure", "value"]
    for name, value in statistics(profile).items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield [name, value]
