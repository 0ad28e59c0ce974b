"""Bounds what compilers keep for later runs: what was not used for longest goes first."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

MOST_BYTES = 4_000_000_000
_LEFT = 0.8  # share of it that stays where something has to go
_LOOKED_AT = "looked-at"
_PAUSE_S = 24 * 3600
_IN_USE_S = 3600  # another program may have just written it


class _File(NamedTuple):
    used: float  # Unix time
    bytes: int
    path: str


def bound(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Delete the files that were not read or written for longest, once a day.

    A compiler that misses one of its files makes it again.
    """
    stamp = folder / _LOOKED_AT
    try:
        if stamp.exists() and time.time() - stamp.stat().st_mtime < _PAUSE_S:
            return
        folder.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    except OSError:  # a folder that cannot be written does not grow either
        logger.debug("%s cannot be written", folder, exc_info=True)
        return
    _trim(folder, most_bytes)


def _trim(folder: Path, most_bytes: int) -> None:
    files = sorted(_files(folder))
    total = sum(file.bytes for file in files)
    if total <= most_bytes:
        return
    newest = time.time() - _IN_USE_S
    for file in files:
        if total <= _LEFT * most_bytes or file.used > newest:
            return
        try:
            Path(file.path).unlink()
            total -= file.bytes
        except OSError:
            logger.debug("%s stays", file.path, exc_info=True)


def _files(folder: Path) -> Iterator[_File]:
    """Takes 0.1 s for 10,000 files."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = f"{place}/{name}"
            try:
                status = os.lstat(path)
            except OSError:  # gone meanwhile
                continue
            used = max(status.st_atime, status.st_mtime)
            yield _File(used, status.st_size, path)
