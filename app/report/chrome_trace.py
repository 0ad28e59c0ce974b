"""A profile as Chrome trace JSON, which Perfetto and chrome://tracing open.

Format: "Trace Event Format" (Google, public document): complete events ``X`` with microseconds,
flows ``s``/``f``, counters ``C``, and metadata ``M`` that names processes and threads.
"""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.report.lanes import lanes
from profilers.errors import TwinscopeError
from profilers.profile import Profile, TrackKind
from profilers.profile.json_column import JsonColumn
from profilers.snapshot.packed_json import READ_ROWS, texts_between

_COUNTER = int(TrackKind.COUNTER)
_CORRELATION = b'"correlation"'
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def write(profile: Profile, path: Path) -> None:
    """Write all slices, flows and counters; gzip where the name ends in ``.gz``.

    Raises
    ------
    TwinscopeError
        If the profile has no timeline.
    """
    if not len(profile.trace.slices) and not len(profile.trace.counters):
        raise TwinscopeError(
            f"{profile.name} has no timeline to write",
            "the model was inspected but not run",
            "Profile it first.",
        )
    with path.open("wb") as raw:
        packed = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else raw
        binary = cast(IO[bytes], packed)
        with binary:
            _write_events(profile, binary)


def _write_events(profile: Profile, out: IO[bytes]) -> None:
    head = {
        "schemaVersion": 1,
        "displayTimeUnit": "ns",
        "baseTimeNanoseconds": profile.start_unix_ns,
        "otherData": {
            "name": profile.name,
            "framework": profile.environment.framework,
            "mode": profile.environment.mode,
            "device": profile.environment.device,
        },
    }
    encoder = msgspec.json.Encoder()
    out.write(encoder.encode(head)[:-1] + b', "traceEvents": [\n')
    separator = b""
    for event in _events(profile):
        out.write(separator + encoder.encode(event))
        separator = b",\n"
    out.write(b"\n]}\n")


def _events(profile: Profile) -> Iterator[dict[str, Any]]:
    tracks = _TrackNumbers(profile)
    tells_launch = np.zeros(len(profile.trace.slices), bool)
    yield from tracks.names()
    yield from _slices(profile, tracks, tells_launch)
    yield from _flows(profile, tracks, tells_launch)
    yield from _counters(profile, tracks)
    if not len(profile.trace.counters):
        yield from _memory(profile, tracks)


class _TrackNumbers:
    """Process and thread numbers: one process per group of tracks, a thread per track and lane.

    No thread has the number of a process or 0, which Perfetto takes for certain threads.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        groups = profile.trace.tracks.process.tolist()
        self._process = {group: number for number, group in enumerate(dict.fromkeys(groups), 1)}
        self.pid = [self._process[group] for group in groups]
        self._lane = lanes(profile.trace.slices)
        self._first = 1 + len(self._process)

    def thread(self, row: int) -> int:
        """The number of the thread that shows a slice."""
        return self._number(int(self._profile.trace.slices.track[row]), int(self._lane[row]))

    def names(self) -> Iterator[dict[str, Any]]:
        strings, tracks = _writable(self._profile.strings), self._profile.trace.tracks
        for group, pid in self._process.items():
            yield _metadata("process_name", pid, 0, {"name": strings[group]})
            yield _metadata("process_sort_index", pid, 0, {"sort_index": pid})
        shown = np.flatnonzero(tracks.kind != _COUNTER)
        used = np.unique(np.stack([self._profile.trace.slices.track, self._lane]), axis=1).T
        for row, lane in sorted(
            {*((row, 0) for row in shown.tolist()), *map(tuple, used.tolist())}
        ):
            pid, tid = self.pid[row], self._number(row, lane)
            name = strings[int(tracks.name[row])]
            yield _metadata(
                "thread_name", pid, tid, {"name": f"{name} ({lane + 1})" if lane else name}
            )
            order = {"sort_index": int(tracks.sort_index[row])}
            yield _metadata("thread_sort_index", pid, tid, order)

    def _number(self, track: int, lane: int) -> int:
        return self._first + track + lane * len(self.pid)


def _metadata(name: str, pid: int, tid: int, values: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "args": values}


def _slices(
    profile: Profile, tracks: _TrackNumbers, tells_launch: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    """Notes in `tells_launch` which rows have their launch's number among the arguments."""
    strings, slices = _writable(profile.strings), profile.trace.slices
    node_names = profile.authored.nodes.name
    texts = _texts(profile.trace.arguments)
    for row, (text, start, duration, name, category, track, node) in enumerate(
        zip(
            texts,
            slices.start_ns.tolist(),
            slices.duration_ns.tolist(),
            slices.name.tolist(),
            slices.category.tolist(),
            slices.track.tolist(),
            slices.node.tolist(),
            strict=True,
        )
    ):
        tells_launch[row] = _CORRELATION in text
        arguments = _arguments(text)
        if node >= 0:
            arguments["graph node"] = strings[int(node_names[node])]
        yield {
            "ph": "X",
            "name": strings[name],
            "cat": strings[category] or "slice",
            "ts": _microseconds(start),
            "dur": _microseconds(duration),
            "pid": tracks.pid[track],
            "tid": tracks.thread(row),
            **({"args": arguments} if arguments else {}),
        }


def _flows(
    profile: Profile, tracks: _TrackNumbers, tells_launch: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    slices, flows, strings = profile.trace.slices, profile.trace.flows, _writable(profile.strings)
    rows = zip(flows.source.tolist(), flows.target.tolist(), flows.kind.tolist(), strict=True)
    for number, (source, target, kind) in enumerate(rows):
        name = strings[kind] or "flow"
        if name == "launch" and tells_launch[target]:
            name = "ac2g"  # Kineto's word, so that readers do not draw it twice
        for phase, row in (("s", source), ("f", target)):
            track = int(slices.track[row])
            event = {
                "ph": phase,
                "id": number,
                "name": name,
                "cat": name,
                "ts": _microseconds(int(slices.start_ns[row])),
                "pid": tracks.pid[track],
                "tid": tracks.thread(row),
            }
            yield {**event, "bp": "e"} if phase == "f" else event


def _counters(profile: Profile, tracks: _TrackNumbers) -> Iterator[dict[str, Any]]:
    counters, strings = profile.trace.counters, _writable(profile.strings)
    names = profile.trace.tracks.name
    for track, time_ns, value in zip(
        counters.track.tolist(), counters.time_ns.tolist(), counters.value.tolist(), strict=True
    ):
        yield {
            "ph": "C",
            "name": strings[int(names[track])],
            "ts": _microseconds(time_ns),
            "pid": tracks.pid[track],
            "args": {"value": value},
        }


def _memory(profile: Profile, tracks: _TrackNumbers) -> Iterator[dict[str, Any]]:
    """What the allocator told, which traces of most profilers hold as counters."""
    counters, strings = profile.memory.counters, _writable(profile.strings)
    columns = counters.device, counters.time_ns, counters.allocated_bytes, counters.reserved_bytes
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for device, time_ns, allocated, reserved in rows:
        yield {
            "ph": "C",
            "name": f"Memory of {strings[device]}" if device >= 0 else "Memory",
            "ts": _microseconds(time_ns),
            "pid": tracks.pid[0],
            "args": {"allocated": allocated, **({"reserved": reserved} if reserved >= 0 else {})},
        }


def _texts(column: JsonColumn) -> Iterator[bytes]:
    for begin in range(0, len(column), READ_ROWS):
        yield from texts_between(column, begin, min(begin + READ_ROWS, len(column)))


def _arguments(text: bytes) -> dict[str, Any]:
    """The arguments with their values as they were written; those that are no JSON as one text."""
    if not text:
        return {}
    try:
        return dict(_OBJECT.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"unreadable": text.decode("utf-8", "replace")}


def _writable(strings: Sequence[str]) -> list[str]:
    """Without lone surrogates, which UTF-8 does not have."""
    return [text.encode("utf-8", "replace").decode() for text in strings]


def _microseconds(time_ns: int) -> msgspec.Raw:
    """Exact decimal text: a float would round the nanoseconds of late times."""
    sign, size = ("-" if time_ns < 0 else ""), abs(time_ns)
    return msgspec.Raw(f"{sign}{size // 1000}.{size % 1000:03d}".encode())
