"""The events' text in windows of a few MB that, as far as can be told, end between two events."""

import queue
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from profilers.compiled.limits import PADDING
from profilers.traces.text_source import TraceText

WINDOW_BYTES = 8 << 20
LARGEST_EVENT = 256 << 20
_SEARCHED_BYTES = 64 << 10
_BETWEEN_EVENTS = re.compile(
    rb'\}\s*,(?=\s*\{\s*"(?:ph|name|cat|pid|tid|ts|dur|id|args|s|bp|tts|sf)"\s*:)'
)

Buffer = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True, eq=False)
class Window:
    """``buffer[:size]`` is the text from `begin` on; a guess says that it ends behind an event."""

    buffer: Buffer
    size: int
    begin: int

    @property
    def text(self) -> bytes:
        return self.buffer[: self.size].tobytes()

    def rest(self, position: int, following: "Window | None") -> "Window":
        """What lies behind a position, and the window after this one."""
        more = following.size if following is not None else 0
        size = self.size - position + more
        buffer = np.zeros(size + PADDING, np.uint8)
        buffer[: self.size - position] = self.buffer[position : self.size]
        if following is not None:
            buffer[self.size - position : size] = following.buffer[: following.size]
        return Window(buffer, size, self.begin + position)


class Windows:
    """Cuts a text; buffers that are given back are used again."""

    def __init__(self, text: TraceText) -> None:
        self._text = text
        self._free: queue.SimpleQueue[Buffer] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Window]:
        carried, begin = np.empty(0, np.uint8), 0
        while True:
            buffer = self._buffer(len(carried) + WINDOW_BYTES)
            buffer[: len(carried)] = carried
            size = len(carried) + self._fill(buffer, len(carried))
            is_last = size < len(buffer) - PADDING
            buffer[size : size + PADDING] = 0
            cut = size if is_last else _cut(buffer, size)
            carried = buffer[cut:size].copy()
            buffer[cut : cut + PADDING] = 0
            if cut:
                yield Window(buffer, cut, begin)
            begin += cut
            if is_last:
                return

    def give_back(self, window: Window) -> None:
        self._free.put(window.buffer)

    def _buffer(self, size: int) -> Buffer:
        while not self._free.empty():
            buffer = self._free.get()
            if size + PADDING <= len(buffer) <= 2 * size:
                return buffer
        return np.empty(size + size // 16 + PADDING, np.uint8)

    def _fill(self, buffer: Buffer, at: int) -> int:
        view = buffer.data[at : len(buffer) - PADDING]
        filled = 0
        while filled < len(view):
            count = self._text.fill(view[filled:])
            if not count:
                break
            filled += count
        return filled


def _cut(buffer: Buffer, size: int) -> int:
    """Behind the last comma that looks like one between two events; 0 if there is none."""
    begin = max(size - _SEARCHED_BYTES, 0)
    tail = buffer[begin:size].tobytes()
    found = -1
    for match in _BETWEEN_EVENTS.finditer(tail):
        found = match.end()
    if found >= 0:
        return begin + found
    return size if size >= LARGEST_EVENT else 0
