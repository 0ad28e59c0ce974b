"""A profile with only those strings that its tables point at."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from profilers.profile import Profile, StringTable, Table
from profilers.profile.table import Int32

_Change = Callable[[Table], Table]


def with_used_strings(profile: Profile) -> Profile:
    """The same profile with the strings that nothing uses gone from its table."""
    is_used = np.zeros(len(profile.strings) + 1, bool)  # the last one is for -1
    for rows in string_columns(profile):
        is_used[rows] = True
    is_used[-1] = False
    new_row = np.where(is_used, np.cumsum(is_used) - 1, -1).astype(np.int32)
    strings = StringTable(profile.strings[row] for row in np.flatnonzero(is_used).tolist())

    def moved(table: Table) -> Table:
        return table.replace(**{name: new_row[getattr(table, name)] for name in _names(table)})

    changed: Profile = changed_tables(profile, moved)
    return replace(changed, strings=strings)


def string_columns(value: Any) -> Iterator[Int32]:
    """Every column of row numbers of strings."""
    for table in _tables(value):
        for name in _names(table):
            yield getattr(table, name)


def changed_tables(value: Any, change: _Change) -> Any:
    """The same structure with every table exchanged for ``change(table)``."""
    if isinstance(value, Table):
        return change(value)
    if isinstance(value, tuple) and any(dataclasses.is_dataclass(each) for each in value):
        return tuple(changed_tables(each, change) for each in value)
    if _is_structure(value):
        return replace(
            value,
            **{
                spec.name: changed_tables(getattr(value, spec.name), change)
                for spec in dataclasses.fields(value)
            },
        )
    return value


def _tables(value: Any) -> Iterator[Table]:
    if isinstance(value, Table):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _tables(each)
    elif _is_structure(value):
        for spec in dataclasses.fields(value):
            yield from _tables(getattr(value, spec.name))


def _is_structure(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _names(table: Table) -> list[str]:
    return [spec.name for spec in dataclasses.fields(table) if spec.metadata["refers"] == "strings"]
