"""All events of a Chrome trace file: its text in windows, scanned on all cores, put together in order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, cycle
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from profilers import compiled
from profilers.compiled.limits import CLOSED, CUT, ODD
from profilers.errors import DamagedFile
from profilers.profile import StringPool
from profilers.traces.chrome_decoder import EventDecoder
from profilers.traces.chrome_parts import Part, Repairs, SideText, TrackRows
from profilers.traces.chrome_scanner import PoolRows, Scanned, Scanner
from profilers.traces.chrome_text import BETWEEN_EVENTS, decoded, events_begin, header_of
from profilers.traces.chrome_windows import LARGEST_EVENT, Window, Windows
from profilers.traces.text_source import HELD_BYTES, HeldText, TextPieces, TraceText, open_text

SMALL_BYTES = 2 << 20  # decoded sooner than the compiled loops are loaded
_LARGEST_HEAD = 64 << 20
_MEMORY_SHARE = 0.25  # sorting and nesting take about twice the columns again
_MOST_SCANNERS = 8


@dataclass(eq=False)
class ReadEvents:
    """Everything a file holds, in its order."""

    text: TextPieces
    parts: list[Part] = field(default_factory=list)
    tracks: TrackRows = field(default_factory=TrackRows)
    side: SideText = field(default_factory=SideText)
    repairs: Repairs = field(default_factory=Repairs)
    header: dict[str, Any] = field(default_factory=dict)
    is_damaged: bool = False


def read_events(
    path: Path,
    pool: StringPool,
    progress: Callable[[float], None],
    tell: Callable[[ReadEvents], None],
) -> ReadEvents:
    """Read a file to its end, or as far as it is whole; `tell` takes what is there after each window.

    Raises
    ------
    DamagedFile
        If the file holds no events, or is too large.
    """
    reading = _Reading(path, pool, open_text(path, progress), tell)
    reading.run(compiled.load if path.stat().st_size > SMALL_BYTES else lambda: None)
    return reading.result


def first_slices(found: ReadEvents, most: int) -> ReadEvents:
    """What was read first, up to a number of slices."""
    parts, slices = [], 0
    for part in found.parts:
        slices += len(part.slices)
        if slices > most:
            break
        parts.append(part)
    return replace(found, parts=parts)


class _Lane:
    """A scanner on a thread of its own, and the rows that its strings and tracks have."""

    def __init__(self, loops: ModuleType, rows: PoolRows) -> None:
        self.rows = rows
        self._scanner = Scanner(loops)
        self._thread = ThreadPoolExecutor(1)

    def submit(self, window: Window) -> Future[Scanned]:
        return self._thread.submit(self._scanner.scan, window)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)


class _Reading:
    """Where the reading of one file stands."""

    def __init__(
        self, path: Path, pool: StringPool, text: TraceText, tell: Callable[[ReadEvents], None]
    ) -> None:
        self.result = ReadEvents(text)
        self._tell = tell
        self._path = path
        self._pool = pool
        self._windows = Windows(text)
        self._ids: dict[bytes, int] = {}
        found = self.result
        self._decoder = EventDecoder(pool, found.tracks, self._ids, found.side, found.repairs)
        self._bytes_left = int(_MEMORY_SHARE * psutil.virtual_memory().available)
        self._head = b""
        self._rest: Window | None = None  # text behind the last event that was read
        self._tail: list[bytes] = []  # text behind the events' array
        self._is_closed = False
        self._has_events = False
        # All of the text, if it is little.
        self._held: list[bytes] | None = [] if text.likely_bytes <= HELD_BYTES else None

    def run(self, load: Callable[[], ModuleType | None]) -> None:
        """Decode with the JSON library until the compiled loops are there, scan from then on."""
        pieces = iter(self._windows)
        first = self._behind_head(pieces)
        windows = chain([first], pieces)
        loops = load()
        while loops is None and not self._is_enough():
            window = next(windows, None)
            if window is None:
                break
            self._decode_next(window)
            loops = load()
        if loops is not None and not self._is_enough():
            self._scan_all(loops, windows)
        self._finish()

    def _behind_head(self, windows: Iterator[Window]) -> Window:
        """The window in which the events' array opens, from there on."""
        found: Window | None = None
        for window in windows:
            found = window if found is None else found.rest(0, window)
            text = found.text
            begin = events_begin(text)
            if begin >= 0:
                self._head = text[:begin]
                self._hold(replace(found, size=begin))
                return found.rest(begin, None)
            if found.size > _LARGEST_HEAD:
                break
        raise DamagedFile(f"Cannot open {self._path.name}", "it holds no list of trace events")

    def _decode_next(self, window: Window) -> None:
        self._hold(window)
        if self._is_closed:
            self._keep_tail(window.text)
        else:
            self._decode(self._with_rest(window))
        self._windows.give_back(window)

    def _scan_all(self, loops: ModuleType, windows: Iterator[Window]) -> None:
        """Scan ahead on all cores, take the results in order."""
        threads = min(os.cpu_count() or 1, _MOST_SCANNERS)
        lanes = [_Lane(loops, self._pool_rows()) for _ in range(threads + 1)]
        repairs = lanes.pop()
        pending: deque[tuple[Window, _Lane, Future[Scanned]]] = deque()
        try:
            for window, lane in zip(windows, cycle(lanes), strict=False):
                pending.append((window, lane, lane.submit(window)))
                if len(pending) > threads + 1:
                    self._settle(*pending.popleft(), repairs)
                if self._is_enough():
                    break
            while pending:
                self._settle(*pending.popleft(), repairs)
        finally:
            for lane in (*lanes, repairs):
                lane.close()

    def _hold(self, window: Window) -> None:
        if self._held is not None:
            self._held.append(window.text)
            if sum(map(len, self._held)) > HELD_BYTES:
                self._held = None

    def _pool_rows(self) -> PoolRows:
        return PoolRows(self._pool, self.result.tracks, self._ids, self.result.repairs)

    def _settle(self, window: Window, lane: _Lane, future: Future[Scanned], repairs: _Lane) -> None:
        """Take a window's events if the one before ended where it begins, else scan it anew."""
        scanned = future.result()
        self._hold(window)
        lane.rows.learn(scanned.new_strings, scanned.new_tracks)
        if self._is_closed:
            self._keep_tail(window.text)
        elif self._rest is None:
            self._take(window, lane, scanned)
        else:
            whole = self._with_rest(window)
            scanned = repairs.submit(whole).result()
            repairs.rows.learn(scanned.new_strings, scanned.new_tracks)
            self._take(whole, repairs, scanned)
        self._windows.give_back(window)

    def _take(self, window: Window, lane: _Lane, scanned: Scanned) -> None:
        part = lane.rows.part(scanned.part)
        begin = part.others.begin.copy()
        for row, text in scanned.texts.items():
            begin[row] = self.result.side.add(text)
        self._add(replace(part, others=part.others.replace(begin=begin)))
        found = self.result.repairs
        found.odd_times += scanned.odd_times
        found.negative_durations += scanned.negative_durations
        found.untimed += scanned.untimed
        if scanned.status == CLOSED:
            self._close(window.rest(scanned.position, None).text)
        elif scanned.status == CUT:
            self._rest = window.rest(scanned.position, None)
        elif scanned.status == ODD:
            self._decode(window.rest(scanned.position, None))

    def _with_rest(self, window: Window) -> Window:
        rest, self._rest = self._rest, None
        return window if rest is None else rest.rest(0, window)

    def _decode(self, window: Window) -> None:
        found = decoded(window.text)
        self._add(self._decoder.part(found.events))
        self.result.is_damaged |= found.is_damaged
        if found.is_end:
            self._close(found.rest)
        elif found.rest:
            self._rest = window.rest(window.size - len(found.rest), None)

    def _add(self, part: Part) -> None:
        self._has_events |= any(len(table) for table in (part.slices, part.flows, part.others))
        self._bytes_left -= part.bytes_held
        if self._bytes_left < 0:
            raise DamagedFile(
                f"Cannot open {self._path.name}",
                "it holds more events than this machine has memory for",
                "Capture fewer steps, or close other programs.",
            )
        self.result.parts.append(part)
        self._tell(self.result)

    def _close(self, tail: bytes) -> None:
        self._is_closed = True
        self._keep_tail(tail)

    def _keep_tail(self, text: bytes) -> None:
        self._tail.append(text)

    def _is_enough(self) -> bool:
        """Whether nothing more is to be had from the text."""
        if self._is_closed:
            return sum(map(len, self._tail)) > _LARGEST_HEAD
        return self._rest is not None and self._rest.size > LARGEST_EVENT

    def _finish(self) -> None:
        rest = b"" if self._rest is None else self._rest.text.strip(BETWEEN_EVENTS)
        is_cut = not self._is_closed and bool(rest or self._head.strip() != b"[")
        self.result.is_damaged |= is_cut
        if self.result.is_damaged and not self._has_events:
            raise DamagedFile(f"Cannot open {self._path.name}", "it holds no complete trace event")
        if self._held is not None:
            self.result.text = HeldText(b"".join(self._held))
        self.result.header = header_of(self._head, b"".join(self._tail))
