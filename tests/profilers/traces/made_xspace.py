"""XSpaces put together by hand, in the layout that the profilers of TensorFlow and JAX write.

No sound GPU or TPU file is public. The layout is that of xla/tsl/profiler/utils/xplane_schema.cc
(names of planes, lines and stats), xla/backends/profiler/gpu/cupti_collector.cc (streams, driver
calls, counters), xprof/utils/derived_timeline.cc (derived lines) and xplane.proto.
"""

from pathlib import Path
from typing import Any

from profilers.traces.xplane_proto import MESSAGES, message_classes

START_NS = 1_700_000_000_000_000_000
Value = int | float | str

_WITH_EVENTS = tuple(
    (name, number, "*XEvent" if name == "events" else kind)
    for name, number, kind in MESSAGES["XLine"]
)
CLASSES = message_classes({**MESSAGES, "XLine": _WITH_EVENTS})


class MadeSpace:
    """An XSpace put together plane by plane."""

    def __init__(self) -> None:
        self.message = CLASSES["XSpace"]()

    def plane(self, name: str) -> "MadePlane":
        return MadePlane(self.message.planes.add(name=name))

    def started(self, unix_ns: int) -> None:
        """When the profiler of one more host started."""
        task = self.plane("Task Environment")
        task.message.stats.add(metadata_id=task.stat_id("profile_start_time"), uint64_value=unix_ns)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.message.SerializeToString())
        return path


class MadePlane:
    def __init__(self, message: Any) -> None:
        self.message = message
        self._stats: dict[str, int] = {}
        self._types: dict[tuple[str, str], int] = {}

    def stat_id(self, name: str) -> int:
        if name not in self._stats:
            key = self._stats[name] = len(self._stats) + 1
            self.message.stat_metadata.add(key=key).value.name = name
        return self._stats[name]

    def type_id(self, name: str, display_name: str = "", **stats: Value) -> int:
        """An event type; `stats` are shared by all of its events."""
        key = self._types.get((name, display_name))
        if key is None:
            key = self._types[name, display_name] = len(self._types) + 1
            metadata = self.message.event_metadata.add(key=key).value
            metadata.id, metadata.name, metadata.display_name = key, name, display_name
            self.add_stats(metadata, stats)
        return key

    def line(self, name: str, timestamp_ns: int = 0) -> Any:
        return self.message.lines.add(name=name, timestamp_ns=timestamp_ns)

    def event(self, line: Any, name: str, start_ns: int, duration_ns: int, **stats: Value) -> Any:
        event = line.events.add(
            metadata_id=self.type_id(name),
            offset_ps=start_ns * 1000,
            duration_ps=duration_ns * 1000,
        )
        self.add_stats(event, stats)
        return event

    def add_stats(self, owner: Any, stats: dict[str, Value]) -> None:
        fields = {str: "str_value", float: "double_value", int: "int64_value"}
        for stat, value in stats.items():
            owner.stats.add(metadata_id=self.stat_id(stat), **{fields[type(value)]: value})
