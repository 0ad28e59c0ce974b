"""Pickles that hold nothing but plain containers, numbers and text: read without running anything."""

import io
import pickle
from typing import Any

import numpy as np
import psutil

from profilers import compiled
from profilers.compiled.pickle_walk import (
    CUT,
    FOLLOWED_BY,
    FORBIDDEN,
    SOUND,
    TOO_DEEP,
    walk,
)

_MEMORY_FACTOR = 20  # bytes of objects for a byte of pickle, measured on memory snapshots: 12
_MEMORY_SHARE = 0.5


class NotPlain(Exception):
    """The pickle is damaged, too large, or would run code; the text says which."""


class _Refusing(pickle.Unpickler):
    """The walk lets no opcode pass that would ask for these; refused here once more."""

    def find_class(self, module: str, name: str) -> Any:
        raise NotPlain(f"it asks for {module}.{name}, which plain data never does")

    def persistent_load(self, pid: Any) -> Any:
        raise NotPlain("it refers to objects outside of it")


def load_plain(data: bytes) -> tuple[Any, int]:
    """The object, and how many opcodes made it.

    Containers may be shared: whoever walks through them must not visit more than there are opcodes.

    Raises
    ------
    NotPlain
        If anything but dicts, lists, tuples, sets, numbers, text and None would be built.
    """
    if len(data) * _MEMORY_FACTOR > _MEMORY_SHARE * psutil.virtual_memory().available:
        raise NotPlain("it is too large for this machine's memory")
    loops = compiled.load()
    if loops is None:
        ended, at, opcodes = walk(data, len(data), FOLLOWED_BY)
    else:
        followed_by = np.array(FOLLOWED_BY, np.int64)
        ended, at, opcodes = loops.walk(np.frombuffer(data, np.uint8), len(data), followed_by)
    if ended != SOUND:
        raise NotPlain(_reason(ended, at, data))
    try:
        return _Refusing(io.BytesIO(data)).load(), opcodes
    except NotPlain:
        raise
    except MemoryError as error:
        raise NotPlain("it is too large for this machine's memory") from error
    except Exception as error:
        raise NotPlain(f"its pickle is damaged ({type(error).__name__})") from error


def _reason(ended: int, at: int, data: bytes) -> str:
    if ended == CUT:
        return "its pickle ends too early"
    if ended == FORBIDDEN:
        return f"its pickle would build objects or run code (opcode {data[at]:#04x} at byte {at})"
    if ended == TOO_DEEP:
        return "its pickle nests too deep"
    return f"its pickle holds an absurd number at byte {at}"
