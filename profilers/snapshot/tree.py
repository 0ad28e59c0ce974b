"""A profile taken apart into named members, and put together again.

Walks the dataclasses: a new table or column is stored without a line here. Columns that a file lacks
read as -1, as those do that hold nothing else; fields with a default read as that; members that are
not known are kept.
"""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import psutil

from profilers.profile import Profile, StringTable, Table
from profilers.profile.json_column import JsonColumn, JsonText
from profilers.profile.trace import Slices
from profilers.snapshot import columns, implied
from profilers.snapshot.archive import Parts
from profilers.snapshot.columns import BadColumn
from profilers.snapshot.packed_json import PackedJson, pack

_MOST_ROWS = 1 << 31
_MOST_UNPACKED = 1000  # times the bytes in the file, where it is more than the next line
_ALWAYS_UNPACKED_BYTES = 1 << 30
_COPIES = 4  # of a column while it is decoded
_STRING_BYTES = 128  # what a string takes beside its text
_MOST_GRAPHS = 1000
_MEMORY_SHARE = 0.5
_KEPT_ENTRY = "#entry"
_RAW = {"encoding": "raw"}


def take_apart(profile: Profile) -> Parts:
    parts = Parts()
    for spec in dataclasses.fields(Profile):
        if spec.name != "extra":
            _store(parts, spec.name, getattr(profile, spec.name))
    for name, data in profile.extra.items():
        if not name.endswith(_KEPT_ENTRY) and name not in parts.entries:
            if data:
                parts.members[name] = data
            parts.entries[name] = _kept_entry(profile.extra.get(name + _KEPT_ENTRY))
    return parts


def put_together(parts: Parts) -> Profile:
    """The profile; every size is checked against the manifest and the machine's memory first.

    Raises
    ------
    BadColumn, ValueError, TypeError, KeyError
        If parts are missing or do not fit.
    """
    reader = _Reader(parts)
    built = {
        name: reader.value(name, kind)
        for name, kind in _hints(Profile).items()
        if name != "extra" and reader.has(name)
    }
    return Profile(**built, extra=reader.unknown())


def _kept_entry(text: bytes | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else dict(_RAW)


def _store(parts: Parts, path: str, value: Any) -> None:
    if isinstance(value, StringTable):
        _store_strings(parts, path, value)
    elif isinstance(value, Table):
        parts.values[f"{path}/"] = {"rows": len(value)}
        stored, left_out = implied.stand_ins(value) if isinstance(value, Slices) else ({}, {})
        for name, values in value.columns().items():
            if name not in left_out and not columns.is_none(values):
                _store_column(parts, f"{path}/{name}", values)
        for name, values in stored.items():
            _store_column(parts, f"{path}/{name}", values)
        for name, entry in left_out.items():
            dtype = value.dtypes()[name].newbyteorder("<").str
            parts.entries[f"{path}/{name}"] = {"dtype": dtype, "rows": len(value), **entry}
    elif isinstance(value, (JsonText, PackedJson)) or _is_json_column(value):
        lengths, blocks, data = pack(value)
        _store_column(parts, f"{path}/lengths", lengths)
        _store_column(parts, f"{path}/blocks", blocks)
        if len(data):
            parts.members[f"{path}/data"] = data
            parts.entries[f"{path}/data"] = {"encoding": "json-blocks"}
    elif isinstance(value, tuple) and any(_holds_tables(each.__class__) for each in value):
        parts.values[f"{path}/"] = {"count": len(value)}
        for at, each in enumerate(value):
            _store(parts, f"{path}/{at}", each)
    elif _holds_tables(value.__class__):
        for spec in dataclasses.fields(value):
            _store(parts, f"{path}/{spec.name}", getattr(value, spec.name))
    else:
        parts.values[path] = _plain(value)


def _store_column(parts: Parts, path: str, values: Any) -> None:
    data, parts.entries[path] = columns.encode(values)
    if data:
        parts.members[path] = data


def _store_strings(parts: Parts, path: str, strings: StringTable) -> None:
    texts = [text.encode("utf-8", "surrogatepass") for text in strings]
    lengths = np.array([len(text) for text in texts], np.int64)
    _store_column(parts, f"{path}/lengths", lengths)
    _store_column(parts, f"{path}/text", np.frombuffer(b"".join(texts), np.uint8))


def _plain(value: Any) -> Any:
    """Dataclasses, enums, mappings and tuples as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {spec.name: _plain(getattr(value, spec.name)) for spec in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


class _Reader:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._used: set[str] = set()
        stored = sum(len(data) for data in parts.members.values())
        self._left_bytes = min(
            int(_MEMORY_SHARE * psutil.virtual_memory().available),
            max(_MOST_UNPACKED * stored, _ALWAYS_UNPACKED_BYTES),
        )

    def has(self, path: str) -> bool:
        names = (*self._parts.values, *self._parts.entries)
        return any(name == path or name.startswith(f"{path}/") for name in names)

    def value(self, path: str, kind: Any) -> Any:
        if kind is StringTable:
            return self._strings(path)
        if kind is JsonColumn:
            return self._json(path)
        if isinstance(kind, type) and issubclass(kind, Table):
            return self._table(path, kind)
        element = _tuple_element(kind)
        if element is not None and _holds_tables(element):
            count = int(self._parts.values.get(f"{path}/", {}).get("count", 0))
            if not 0 <= count <= _MOST_GRAPHS:
                raise BadColumn(f"{path} has {count} parts")
            return tuple(self.value(f"{path}/{at}", element) for at in range(count))
        if _holds_tables(kind):
            hints = _hints(kind)
            return kind(
                **{
                    name: self.value(f"{path}/{name}", hints[name])
                    for name in hints
                    if name not in _with_default(kind) or self.has(f"{path}/{name}")
                }
            )
        return _rebuilt(self._parts.values[path], kind)

    def unknown(self) -> dict[str, bytes]:
        """Members that nothing asked for, with their manifest entries."""
        kept: dict[str, bytes] = {}
        for name in self._parts.members.keys() | self._parts.entries.keys():
            if name not in self._used:
                kept[name] = bytes(self._parts.members.get(name, b"")[:])
                entry = self._parts.entries.get(name, _RAW)
                kept[name + _KEPT_ENTRY] = json.dumps(entry).encode()
        return kept

    def _table(self, path: str, kind: type[Table]) -> Table:
        rows = self._rows(self._parts.values[f"{path}/"])
        built: dict[str, Any] = {}
        left_out: dict[str, dict[str, Any]] = {}
        for name, dtype in kind.dtypes().items():
            member = f"{path}/{name}"
            entry = self._parts.entries.get(member, {})
            if entry.get("encoding") in implied.ENCODINGS and kind is Slices:
                self._count(rows * dtype.itemsize)
                self._used.add(member)
                left_out[name] = entry
            elif entry:
                built[name] = self._column(member, dtype)
                if len(built[name]) != rows:
                    raise BadColumn(f"{member} has {len(built[name])} rows, not {rows}")
            else:
                self._count(rows * dtype.itemsize)
                built[name] = np.full(rows, -1, dtype)
        if left_out:
            built = implied.told(
                built, left_out, lambda name, dtype: self._column(f"{path}/{name}", np.dtype(dtype))
            )
        return kind(**built)

    def _strings(self, path: str) -> StringTable:
        self._count(self._rows(self._parts.entries[f"{path}/lengths"]) * _STRING_BYTES)
        lengths = self._column(f"{path}/lengths", np.dtype("i8"))
        text = self._column(f"{path}/text", np.dtype("u1")).tobytes()
        ends = np.cumsum(lengths)
        if len(lengths) and (int(lengths.min()) < 0 or int(ends[-1]) != len(text)):
            raise BadColumn(f"{path} has texts of the wrong length")
        begins = (ends - lengths).tolist()
        return StringTable(
            text[begin:end].decode("utf-8", "surrogatepass")
            for begin, end in zip(begins, ends.tolist(), strict=True)
        )

    def _json(self, path: str) -> PackedJson:
        lengths = self._column(f"{path}/lengths", np.dtype("i8"))
        blocks = self._column(f"{path}/blocks", np.dtype("i8"))
        self._used.add(f"{path}/data")
        packed = PackedJson(lengths, blocks, self._parts.members.get(f"{path}/data", b""))
        if packed.largest_block_bytes > self._left_bytes:
            raise BadColumn(f"{path} needs more memory than this machine has")
        return packed

    def _column(self, path: str, dtype: np.dtype[Any]) -> Any:
        entry = self._parts.entries[path]
        self._count(self._rows(entry) * dtype.itemsize)
        self._used.add(path)
        try:
            return columns.decode(bytes(self._parts.members.get(path, b"")[:]), entry, dtype)
        except BadColumn as error:
            raise BadColumn(f"{path} is damaged: {error}") from error

    def _rows(self, entry: Mapping[str, Any]) -> int:
        rows = entry["rows"]
        if not isinstance(rows, int) or not 0 <= rows < _MOST_ROWS:
            raise BadColumn(f"a table of {rows} rows")
        return rows

    def _count(self, size: int) -> None:
        if _COPIES * size > self._left_bytes:
            raise BadColumn("it needs more memory than this machine has for it")
        self._left_bytes -= size


def _rebuilt(value: Any, kind: Any) -> Any:
    """A plain value as the type that a field declares; unknown keys of newer files are left out."""
    element = _tuple_element(kind)
    if element is not None:
        return tuple(_rebuilt(item, element) for item in value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _rebuilt(value[name], hints[name]) for name in hints if name in value})
    if isinstance(kind, type) and issubclass(kind, (Enum, str, int, float)):
        return kind(_in_range(value))
    if get_origin(kind) is None:
        return value
    if not isinstance(value, dict):
        raise BadColumn(f"{value!r} is no mapping")
    item_kind = get_args(kind)[1]
    return {name: _rebuilt(item, item_kind) for name, item in value.items()}


def _in_range(value: Any) -> Any:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a number is too large")
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _with_default(kind: type) -> frozenset[str]:
    """Fields that newer versions added: older files do without them."""
    return frozenset(
        spec.name
        for spec in dataclasses.fields(kind)
        if spec.default_factory is not dataclasses.MISSING
    )


@cache
def _holds_tables(kind: Any) -> bool:
    """Whether a dataclass has tables somewhere inside, so that it is walked and not plain JSON."""
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)) or issubclass(kind, Table):
        return isinstance(kind, type) and issubclass(kind, Table)
    return any(
        each is JsonColumn or _holds_tables(each)
        for each in _hints(kind).values()
        if isinstance(each, type) and not isinstance(each, GenericAlias)
    )


def _tuple_element(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _is_json_column(value: Any) -> bool:
    return callable(getattr(value, "text", None)) and hasattr(value, "__len__")
