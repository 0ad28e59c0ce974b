"""Hosts of a run: their ranks, names and clocks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from profilers.traces.xplane_columns import HostPlace
from profilers.traces.xplane_events import WALL_CLOCK_NS
from profilers.traces.xplane_files import HostFile

_LATEST_NS = 2**63


@dataclass(frozen=True)
class HostPlane:
    plane: Any  # XPlane message
    place: HostPlace


def host_planes(files: Sequence[HostFile]) -> tuple[list[list[HostPlane]], int]:
    """The planes of each file with where they belong, and the wall clock of time 0 in ns.

    That is the earliest start of a profiler, or the earliest wall-clock time, 0 if there is none.
    Hosts merged into one file repeat the names of planes.
    """
    counted = [list(_counted(file.space)) for file in files]
    hosts = [1 + max(nth for _, nth in planes) for planes in counted]
    starts = [_starts(planes) for planes in counted]
    lines = [line for planes in counted for plane, _ in planes for line in plane.lines]
    known = [start for each in starts for start in each.values()] or [
        line.timestamp_ns for line in lines if line.timestamp_ns >= WALL_CLOCK_NS
    ]
    epoch_ns = min(known, default=0)
    found, first_rank = [], 0
    for file, planes, start_of, count in zip(files, counted, starts, hosts, strict=True):
        places = [
            HostPlace(
                _name(file, nth, count) if sum(hosts) > 1 else "",
                first_rank + nth,
                max(start_of.get(nth, epoch_ns) - epoch_ns, 0),
                epoch_ns,
            )
            for nth in range(count)
        ]
        found.append([HostPlane(plane, places[nth]) for plane, nth in planes])
        first_rank += count
    return found, epoch_ns


def _counted(space: Any) -> Iterator[tuple[Any, int]]:
    """Planes, each with how many of its name came before."""
    seen: Counter[str] = Counter()
    for plane in space.planes:
        yield plane, seen[plane.name]
        seen[plane.name] += 1


def _starts(planes: Sequence[tuple[Any, int]]) -> dict[int, int]:
    """Wall clock in ns at which the profiler of each host started, where that is told."""
    found: dict[int, int] = {}
    for plane, nth in planes:
        names = {entry.key: entry.value.name for entry in plane.stat_metadata if plane.stats}
        for stat in plane.stats:
            told = int(stat.uint64_value or stat.int64_value)
            if names.get(stat.metadata_id) == "profile_start_time" and 0 < told < _LATEST_NS:
                found.setdefault(nth, told)
    return found


def _name(file: HostFile, nth: int, count: int) -> str:
    names = file.space.hostnames
    if nth < len(names) and (count > 1 or len(names) == 1):
        return str(names[nth])
    return file.host or f"host {nth}"
