"""Pickles that hold nothing but plain containers, numbers and text: read without running anything.

A walk over the opcodes first proves that they build nothing else and what they need at most, then
Python's own unpickler builds it: 1,000,000 allocator events (87 MB, 22 million opcodes) take 0.9 s,
of which the walk takes 0.3 s compiled (25 s where it is not compiled yet). The unpickler in C alone
keeps no bounds; ``pickle._Unpickler``, which could be made to, takes 17 s.
"""

import gc
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from profilers import compiled
from profilers.compiled.pickle_walk import (
    CUT,
    FORBIDDEN,
    ODD_KEY,
    RULES,
    SOUND,
    TOO_LARGE,
    TOO_LONG,
    walk,
)

_MEMORY_SHARE = 0.5
_NO_ROOM = "it is too large for this machine's memory"
_READ_BYTES = 1 << 20
_SMALL_BYTES = 1 << 20  # walked sooner than the compiled loops are loaded


class NotPlain(Exception):
    """The pickle is damaged, too large, or would run code; the text says which."""


class _Refusing(pickle.Unpickler):
    """The walk lets no opcode pass that would ask for these; refused here once more."""

    def find_class(self, module: str, name: str) -> Any:
        raise NotPlain(f"it asks for {module}.{name}, which plain data never does")

    def persistent_load(self, pid: Any) -> Any:
        raise NotPlain("it refers to objects outside of it")


class _Watched(io.RawIOBase):
    """Bytes as a file that tells how much of it was read; what `progress` raises ends the reading."""

    def __init__(self, data: memoryview, progress: Callable[[float], None]) -> None:
        self._data = data
        self._at = 0
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        count = min(len(target), len(self._data) - self._at)
        target[:count] = self._data[self._at : self._at + count]
        self._at += count
        self._progress(self._at / max(len(self._data), 1))
        return count


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the search for cycles: over millions of new objects it takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def load_plain(path: Path, progress: Callable[[float], None]) -> tuple[Any, int]:
    """The object in a file, and how many opcodes made it.

    Containers may be shared and may hold themselves: whoever walks through them must not visit more
    than there are opcodes, and must not ask for the text of what is not text.

    Raises
    ------
    NotPlain
        If anything but lists, tuples, numbers, text, bytes, None, and dicts and sets of text would
        be built, or if that or the file itself would take more than half of the free memory.
    """
    most_bytes = int(_MEMORY_SHARE * psutil.virtual_memory().available)
    if path.stat().st_size > most_bytes:
        raise NotPlain(_NO_ROOM)
    data = path.read_bytes()
    loops = compiled.load() if len(data) > _SMALL_BYTES else compiled.loaded()
    if loops is None:
        ended, at, opcodes = walk(data, len(data), RULES, most_bytes)
    else:
        rules = np.array(RULES, np.int64)
        content = np.frombuffer(data, np.uint8)
        ended, at, opcodes = loops.walk(content, len(data), rules, most_bytes)
    if ended != SOUND:
        raise NotPlain(_reason(ended, at, data))
    try:
        with _without_collection():
            source = io.BufferedReader(_Watched(memoryview(data)[:at], progress), _READ_BYTES)
            return _Refusing(source).load(), opcodes
    except MemoryError as error:
        raise NotPlain(_NO_ROOM) from error
    except _DAMAGE as error:
        raise NotPlain(f"its pickle is damaged ({type(error).__name__})") from error


_DAMAGE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError,
    OverflowError,
)  # fmt: skip


def _reason(ended: int, at: int, data: bytes) -> str:
    if ended == CUT:
        return "its pickle ends too early"
    if ended == FORBIDDEN:
        return f"its pickle would build objects or run code (opcode {data[at]:#04x} at byte {at})"
    if ended == TOO_LARGE:
        return "what its pickle builds is too large for this machine's memory"
    if ended == TOO_LONG:
        return f"its pickle holds an absurd number at byte {at}"
    if ended == ODD_KEY:
        return f"its pickle holds a key that is no short text at byte {at}"
    return f"its pickle is damaged at byte {at}"
