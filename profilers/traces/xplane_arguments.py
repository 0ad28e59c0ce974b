"""Arguments of xplane events, decoded from the event's own bytes when somebody looks at them."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from profilers.profile.table import Int32, Int64
from profilers.traces.xplane_batches import EventBatch
from profilers.traces.xplane_proto import parse_event, parse_event_metadata
from profilers.traces.xplane_types import PlaneTexts


@dataclass(eq=False)
class EventTexts:
    """The bytes of all events, in the order they were read."""

    _texts: list[tuple[bytes, Int32, PlaneTexts]] = field(default_factory=list)
    _first: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, batch: EventBatch, plane: PlaneTexts) -> None:
        self._texts.append((batch.text, batch.bounds.astype(np.int32), plane))
        self._first.append(self.count)
        self.count += len(batch)

    def event(self, number: int) -> tuple[bytes, PlaneTexts]:
        at = bisect_right(self._first, number) - 1
        text, bounds, plane = self._texts[at]
        row = number - self._first[at]
        return text[bounds[row] : bounds[row + 1]], plane


@dataclass(frozen=True, eq=False)
class EventArguments:
    """A JsonColumn: an event's stats after those that all events of its type share."""

    texts: EventTexts
    event: Int64  # number of each row's event

    def __len__(self) -> int:
        return len(self.event)

    def text(self, row: int) -> bytes:
        data, plane = self.texts.event(int(self.event[row]))
        try:
            event = parse_event(data)
        except ValueError as error:
            return msgspec.json.encode({"unreadable": str(error)})
        values = _details(event.metadata_id, plane)
        values |= stat_values(event.stats, plane.stat_names)
        return msgspec.json.encode(values) if values else b""


def stat_values(stats: Any, names: Mapping[int, str]) -> dict[str, Any]:
    """Stats by name as JSON can hold them; references are resolved."""
    return {
        names.get(stat.metadata_id, str(stat.metadata_id)): _value(stat, names) for stat in stats
    }


def _details(event_type: int, plane: PlaneTexts) -> dict[str, Any]:
    data = plane.details.get(event_type)
    if data is None:
        return {}
    metadata = parse_event_metadata(data)
    values = stat_values(metadata.stats, plane.stat_names)
    if plane.has_short_names and metadata.display_name not in ("", metadata.name):
        return {"long_name": metadata.name, **values}
    return values


def _value(stat: Any, names: Mapping[int, str]) -> Any:
    kind = stat.WhichOneof("value")
    value: Any = getattr(stat, kind) if kind else None
    if kind == "ref_value":
        return names.get(value, "")
    if kind == "bytes_value":
        return f"{len(value)} bytes"
    if kind == "double_value" and not math.isfinite(value):
        return str(value)
    return value
