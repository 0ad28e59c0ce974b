"""Gives the operators of a PyTorch trace the sizes of their inputs, which a step of their own recorded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from profilers.profile import JsonColumn, Slices, StringPool, decode
from profilers.profile.table import Int64
from profilers.traces.chrome_json import read_chrome_trace
from profilers.traces.chrome_trace import ChromeTrace

_KEYS = ("Input", "Concrete Inputs")


def with_input_sizes(found: ChromeTrace, path: Path) -> ChromeTrace:
    """The trace whose slices have the sizes too; the same trace where none were recorded.

    The n-th call of an operator in a step has those of its n-th call in the step that recorded them,
    where both steps call it equally often.

    Raises
    ------
    DamagedFile
        If the file cannot be read.
    """
    if not path.is_file():
        return found
    told = read_chrome_trace(path, lambda share: None)
    twin = _twins(found.trace.slices, told.trace.slices, told.pool, found.pool)
    sizes = [_sizes(told.trace.arguments, row) for row in range(len(told.trace.slices))]
    arguments = _WithSizes(found.trace.arguments, twin, sizes)
    return replace(found, trace=replace(found.trace, arguments=arguments))


@dataclass(frozen=True, eq=False)
class _WithSizes:
    """Arguments with further ones of another column; `twin` is -1 for none."""

    own: JsonColumn
    twin: Int64
    further: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.own)

    def text(self, row: int) -> bytes:
        own, twin = self.own.text(row), int(self.twin[row])
        further = self.further[twin] if twin >= 0 else b""
        if not further:
            return own
        before = own.strip()[:-1].rstrip()
        return before + b"," + further[1:] if len(before) > 1 else further


def _sizes(arguments: JsonColumn, row: int) -> bytes:
    """JSON of what tells of inputs, b"" for nothing."""
    told = {key: value for key, value in decode(arguments, row).items() if key.startswith(_KEYS)}
    return json.dumps(told, separators=(",", ":")).encode() if told else b""


def _twins(slices: Slices, recorded: Slices, its_pool: StringPool, pool: StringPool) -> Int64:
    """The recorded row of each slice."""
    own_name = np.array(
        [pool.add(text) if pool.has(text) else -1 for text in its_pool.table()], np.int64
    )
    rows, of_recorded = np.flatnonzero(slices.step >= 0), np.flatnonzero(recorded.step >= 0)
    names = own_name[recorded.name[of_recorded]]
    place, count = _calls(np.zeros(len(names), np.int64), names, recorded.start_ns[of_recorded])
    calls = zip(names.tolist(), place.tolist(), count.tolist(), strict=True)
    row_of = dict(zip(calls, of_recorded.tolist(), strict=True))
    name = slices.name[rows].astype(np.int64)
    place, count = _calls(slices.step[rows].astype(np.int64), name, slices.start_ns[rows])
    found = np.full(len(slices), -1, np.int64)
    calls = zip(name.tolist(), place.tolist(), count.tolist(), strict=True)
    found[rows] = [row_of.get(call, -1) for call in calls]
    return found


def _calls(step: Int64, name: Int64, start_ns: Int64) -> tuple[Int64, Int64]:
    """Which call of its name in its step each slice is, and how many there are."""
    order = np.lexsort((start_ns, name, step))
    step, name = step[order], name[order]
    is_first = np.append(True, (step[1:] != step[:-1]) | (name[1:] != name[:-1]))[: len(order)]
    group = np.cumsum(is_first) - 1
    first, count = np.flatnonzero(is_first), np.bincount(group)
    place, of = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - first[group]
    of[order] = count[group]
    return place, of
