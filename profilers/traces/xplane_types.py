"""What a plane knows of its event types and stats, each looked up once."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.profile import SliceKind, StringPool
from profilers.profile.table import Int8, Int32, Int64
from profilers.traces.xplane_kinds import MEMORY_EVENTS, LineRole, is_noise, kind_of

NOISE, MEMORY = -1, -2  # stand for a kind where an event is no slice

_UNKNOWN = -3
_NUMBER = re.compile(r"\d{1,9}$")


class PlaneTexts:
    """What the arguments of a plane's events need, without the message it was read from."""

    def __init__(self, plane: Any, has_short_names: bool) -> None:
        self.has_short_names = has_short_names
        self.stat_names: dict[int, str] = {e.key: e.value.name for e in plane.stat_metadata}
        self.details: dict[int, bytes] = {  # by event type: XEventMetadata that says more
            entry.key: entry.value.SerializeToString()
            for entry in plane.event_metadata
            if entry.value.stats or (has_short_names and entry.value.display_name)
        }

    def stat_ids(self, *names: str) -> Int64:
        """Ids of the stats with these names; none if no event can have them."""
        return np.array([key for key, name in self.stat_names.items() if name in names], np.int64)


class EventTypes:
    """Names and kinds by event type, worked out for the types that occur.

    A device's operations are named by a whole line of HLO and have a short name for display; on a
    host the short name is just the type of an operator.
    """

    def __init__(self, plane: Any, pool: StringPool, has_short_names: bool) -> None:
        names = {
            e.key: (has_short_names and e.value.display_name) or e.value.name
            for e in plane.event_metadata
        }
        self._pool = pool
        self._stats = {
            e.key: [stat.metadata_id for stat in e.value.stats]
            for e in plane.event_metadata
            if e.value.stats
        }
        self._names: list[str] = []
        self._ids, self._row_of_id = np.empty((2, 0), np.int64)  # by id
        self._strings: Int32 = np.empty(0, np.int32)
        self._kinds: dict[LineRole, Int8] = {}
        self._append(np.array(list(names), np.int64), list(names.values()))

    def rows(self, types: Int64) -> tuple[Int64, int]:
        """For each event the row of its type, and how many have a type that is not described."""
        rows, is_known = self._found(types)
        missing = types[~is_known]
        if len(missing):
            ids = np.unique(missing)
            self._append(ids, [f"event {each}" for each in ids.tolist()])
            rows, _ = self._found(types)
        return rows, len(missing)

    def kinds(self, rows: Int64, role: LineRole) -> Int8:
        """Kinds of slices, NOISE or MEMORY."""
        kinds = _grown(self._kinds.get(role, np.empty(0, np.int8)), len(self._names), _UNKNOWN)
        self._kinds[role] = kinds
        told = kind_of(role)
        for row in np.unique(rows[kinds[rows] == _UNKNOWN]).tolist():
            kinds[row] = _kind(self._names[row], told)
        found: Int8 = kinds[rows]
        return found

    def strings(self, rows: Int64) -> Int32:
        """Names as rows of the pool."""
        for row in np.unique(rows[self._strings[rows] < 0]).tolist():
            self._strings[row] = self._pool.add(self._names[row])
        found: Int32 = self._strings[rows]
        return found

    def numbers(self, rows: Int64) -> Int64:
        """The numbers that names end with ("train 12"), -1 for none."""
        each, place = np.unique(rows, return_inverse=True)
        matches = [_NUMBER.search(self._names[row]) for row in each.tolist()]
        return np.array([int(match[0]) if match else -1 for match in matches], np.int64)[place]

    def having(self, stats: Int64) -> Int64:
        """Ids of the types whose events all have one of the stats."""
        wanted = set(stats.tolist())
        found = [key for key, each in self._stats.items() if not wanted.isdisjoint(each)]
        return np.array(found, np.int64)

    def named(self, rows: Int64, name: str) -> NDArray[np.bool_]:
        """Which events have a type of this name."""
        each, place = np.unique(rows, return_inverse=True)
        found = np.array([self._names[row] == name for row in each.tolist()], np.bool_)
        return found[place]

    def name(self, row: int) -> str:
        return self._names[row]

    def _append(self, ids: Int64, names: list[str]) -> None:
        rows = np.arange(len(self._names), len(self._names) + len(names))
        self._names += names
        self._strings = _grown(self._strings, len(self._names), -1)
        every = np.concatenate((self._ids, ids))
        order = np.argsort(every, kind="stable")
        self._ids, self._row_of_id = every[order], np.concatenate((self._row_of_id, rows))[order]

    def _found(self, types: Int64) -> tuple[Int64, Any]:
        if not len(self._ids):
            return np.zeros(len(types), np.int64), np.zeros(len(types), np.bool_)
        at = np.minimum(np.searchsorted(self._ids, types), len(self._ids) - 1)
        return self._row_of_id[at], self._ids[at] == types


def _grown(values: Any, length: int, filler: int) -> Any:
    return np.concatenate((values, np.full(length - len(values), filler, values.dtype)))


def _kind(name: str, told: Any) -> int:
    if name in MEMORY_EVENTS:
        return MEMORY
    return NOISE if is_noise(name) else int(SliceKind(told(name)))
