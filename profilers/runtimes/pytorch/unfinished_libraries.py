"""Shared libraries in Inductor's cache that a linker was killed over.

A run that is cancelled ends its compilers at once, and the linker writes into the file that Inductor
takes for done when it is there: it would fail to load ("file too short") in every later run.
"""

import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_CACHE = "TORCHINDUCTOR_CACHE_DIR"
_ELF = b"\x7fELF\x02\x01"  # of 64 bits, little-endian
_HEADER_BYTES = 64


def remove_unfinished() -> None:
    """Delete them, so that they are built again; what another process builds now stays."""
    root = os.environ.get(_CACHE, "")
    if not root:
        return
    for path in _libraries(Path(root)):
        if _is_cut(path) and not _is_being_built(path, Path(root)):
            logger.warning("%s was not finished and is built again", path)
            path.unlink(missing_ok=True)


def _libraries(root: Path) -> Iterator[Path]:
    for place, _, names in os.walk(root):
        yield from (Path(place, name) for name in names if name.endswith(".so"))


def _is_cut(path: Path) -> bool:
    """Whether the end is missing, where the table of sections stands in what a linker writes.

    Source of the offsets: the ELF-64 object file format, header fields e_shoff, e_shentsize, e_shnum.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_ELF):
        return not header
    if len(header) < _HEADER_BYTES:
        return True
    table: int = struct.unpack_from("<Q", header, 0x28)[0]
    each, count = struct.unpack_from("<HH", header, 0x3A)
    return path.stat().st_size < table + int(each) * int(count)


def _is_being_built(path: Path, root: Path) -> bool:
    """Whether a process holds the lock under which Inductor builds this library."""
    from torch.utils._filelock import FileLock

    lock = root / "locks" / f"{path.name.partition('.')[0]}.lock"
    if not lock.exists():
        return False
    try:
        with FileLock(str(lock), timeout=0):
            return False
    except TimeoutError:
        return True
