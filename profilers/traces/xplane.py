"""Reads xplane.pb, the trace of TensorFlow's and JAX's profilers; one file per host of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import DamagedFile
from profilers.profile import (
    WORK_KINDS,
    Counters,
    Environment,
    Profile,
    SliceKind,
    Slices,
    StringPool,
    Trace,
    Tracks,
)
from profilers.profile.table import Int8, Int32, Int64
from profilers.traces import Progress
from profilers.traces.chrome_flows import innermost
from profilers.traces.nesting import inverse, nest, slice_order
from profilers.traces.xplane_arguments import EventArguments
from profilers.traces.xplane_columns import EventColumns
from profilers.traces.xplane_events import collect_plane
from profilers.traces.xplane_files import HostFile, files_of, load, matches
from profilers.traces.xplane_flaws import damaged_hosts, flaws_of, told_by_profiler
from profilers.traces.xplane_hosts import host_planes
from profilers.traces.xplane_kinds import CUDA_GRAPH, is_device
from profilers.traces.xplane_links import flows_of, launch_pairs, steps_of
from profilers.traces.xplane_memory import read_memory
from profilers.traces.xplane_proto import plane_texts

__all__ = ["matches", "read", "read_with_operations"]

_DEVICE_NAMES = ("gpu_device_name", "device_type_string")
_LOADED, _COLLECTED = 0.2, 0.8  # of the progress


def read(path: Path, progress: Progress) -> Profile:
    """The profile of one xplane.pb, a session's folder with one per host, or a logdir.

    Raises
    ------
    DamagedFile
        See `read_with_operations`.
    """
    return read_with_operations(path, progress)[0]


def read_with_operations(path: Path, progress: Progress) -> tuple[Profile, list[str]]:
    """The profile, and for each of its allocations the name of the node that asked for it.

    Raises
    ------
    DamagedFile
        If no file is whole, or one is too large for a protobuf.
    """
    paths, told = files_of(path)
    files, lost = _loaded(paths, progress)
    told += damaged_hosts(lost, len(paths))
    told += told_by_profiler([file.space for file in files])
    environment = _environment(files)
    pool = StringPool()
    columns = EventColumns(pool)
    epoch_ns = _collect(files, columns, progress)
    epoch_ns += columns.start_at_zero()
    progress(_COLLECTED)
    slices, events, row_of = _slices(columns)
    tracks = Tracks.from_rows(columns.tracks)
    launched = launch_pairs(slices)
    steps, step = steps_of(columns.steps, row_of, slices, tracks, launched)
    progress(0.9)
    memory, operations = read_memory(
        columns.memory, _allocating(columns, slices), columns.memory_texts, pool
    )
    trace = Trace(
        slices.replace(step=step),
        tracks,
        flows_of(columns.producers, columns.consumers, row_of, slices, launched, pool),
        _counters(columns),
        EventArguments(columns.texts, events),
    )
    progress(1.0)
    profile = Profile(
        name=path.name,
        strings=pool.table(),
        trace=trace,
        memory=memory,
        steps=steps,
        diagnostics=(*told, *flaws_of(columns.flaws, len(slices))),
        environment=environment,
        start_unix_ns=epoch_ns if epoch_ns > 0 else 0,
    )
    return profile, operations


def _loaded(paths: Sequence[Path], progress: Progress) -> tuple[list[HostFile], list[DamagedFile]]:
    """What can be read, and why the rest cannot. Raises DamagedFile if nothing can."""
    files, lost = [], []
    for done, path in enumerate(paths):
        progress(_LOADED * done / len(paths))
        try:
            files.append(load(path))
        except DamagedFile as error:
            lost.append(error)
    if not files:
        raise lost[0]
    progress(_LOADED)
    return files, lost


def _collect(files: list[HostFile], columns: EventColumns, progress: Progress) -> int:
    """Add all planes, and let go of the files; returns the wall clock of time 0 in ns."""
    planes, epoch_ns = host_planes(files)
    files.clear()
    total = sum(len(line.events) for each in planes for host in each for line in host.plane.lines)
    done = 0
    columns.has_device = any(is_device(host.plane.name) for each in planes for host in each)

    def on_events(count: int) -> None:
        nonlocal done
        done += count
        progress(_LOADED + (_COLLECTED - _LOADED) * done / max(total, 1))

    while planes:
        for host in planes.pop(0):
            collect_plane(host.plane, columns, host.place, on_events)
    return epoch_ns


def _slices(columns: EventColumns) -> tuple[Slices, Int64, Int64]:
    """All slices, the number of each one's event, and the row of each by the order it was met in.

    Takes the parts out of `columns`, so that they need no memory while the slices are ordered.
    """
    parts, columns.slices = columns.slices, []
    start, duration, event, correlation, name, kind = (
        _joined([getattr(part, field) for part in parts], dtype)
        for field, dtype in (
            *(("start_ns", np.int64), ("duration_ns", np.int64), ("event", np.int64)),
            *(("correlation", np.int64), ("name", np.int32), ("kind", np.int8)),
        )
    )
    lengths = [len(part.start_ns) for part in parts]
    track = np.repeat(np.array([part.track for part in parts], np.int32), lengths)
    del parts
    order = slice_order(track, start, duration)
    track, start, duration, kind = track[order], start[order], duration[order], kind[order]
    depth, parent = nest(track, start, duration)
    kind[_enclosing_work(columns, track, kind, name[order], parent)] = SliceKind.SCOPE
    none = np.full(len(order), -1, np.int32)
    slices = Slices.of(
        start_ns=start,
        duration_ns=duration,
        name=name[order],
        category=_categories(kind, columns.pool),
        kind=kind,
        track=track,
        depth=depth,
        parent=parent,
        correlation=correlation[order],
        step=none,
        node=none,
        group=none,
    )
    return slices, event[order], inverse(order)


def _joined(parts: Sequence[Any], dtype: Any) -> Any:
    return np.concatenate((np.empty(0, dtype), *parts))


def _enclosing_work(
    columns: EventColumns, track: Int32, kind: Int8, name: Int32, parent: Int32
) -> Int32:
    """Rows of loops, calls and CUDA graphs that are drawn around the work that runs in them.

    That work is counted, so they must not be.
    """
    is_work = np.isin(kind, WORK_KINDS)
    around: Int32 = np.unique(parent[is_work & (parent >= 0)])
    around = around[kind[around] == SliceKind.KERNEL]
    may_enclose = np.isin(track[around], columns.enclosing_tracks)
    if columns.pool.has(CUDA_GRAPH):
        may_enclose |= name[around] == columns.pool.add(CUDA_GRAPH)
    return around[may_enclose]


def _categories(kind: Int8, pool: StringPool) -> Int32:
    """The profilers write none: the kind's own name."""
    category = np.full(max(SliceKind) + 1, -1, np.int32)
    for each in np.flatnonzero(np.bincount(kind)).tolist():
        category[each] = pool.add(SliceKind(each).name.lower())
    found: Int32 = category[kind]
    return found


def _counters(columns: EventColumns) -> Counters:
    track = np.repeat(
        np.array([track for track, _, _ in columns.samples], np.int32),
        [len(times) for _, times, _ in columns.samples],
    )
    time_ns = _joined([times for _, times, _ in columns.samples], np.int64)
    value = _joined([values for _, _, values in columns.samples], np.float64)
    order = np.lexsort((time_ns, track))
    return Counters.of(track=track[order], time_ns=time_ns[order], value=value[order])


def _allocating(columns: EventColumns, slices: Slices) -> Int64:
    """For each allocator call the innermost slice around it, -1 for none."""
    lengths = [len(part) for part in columns.memory]
    track = np.repeat(np.array([part.track for part in columns.memory], np.int32), lengths)
    return innermost(slices, track, _joined([part.time_ns for part in columns.memory], np.int64))


def _environment(files: Sequence[HostFile]) -> Environment:
    """Hosts and devices as the files name them."""
    hosts = [name for file in files for name in file.space.hostnames]
    devices = [
        text
        for file in files
        for plane in file.space.planes
        for name, text in plane_texts(plane)
        if name in _DEVICE_NAMES
    ]
    return Environment(
        framework="TensorFlow or JAX (xplane)",
        device=", ".join(dict.fromkeys(devices)),
        facts={"Hosts": ", ".join(hosts)},
    )
