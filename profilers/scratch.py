"""Temporary folders of this program and its workers, which go even where a program is killed."""

import getpass
import logging
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: what a killed program leaves stays there
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_PREFIX = "twinscope-run-"
_LOCK = "lock"
_YOUNGEST_S = 60  # its owner may be about to lock it


class Scratch:
    """A folder in the system's folder for temporary files, made when it is first asked for.

    It is locked as long as this program lives. Those that no living program holds are left over by
    ones that were killed, and are deleted on the way.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock: IO[str] | None = None
        self._count = 0

    @property
    def folder(self) -> Path:
        if self._folder is None:
            _sweep()
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = (self._folder / _LOCK).open("w")
            _take(self._lock)
        return self._folder

    def new_folder(self) -> Path:
        """An empty folder in it, of a short path: sockets have short ones."""
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return folder

    def close(self) -> None:
        """Delete everything; safe to call twice."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
        self._folder = self._lock = None


def temporary_files_in(folder: Path, kept: Path) -> dict[str, str]:
    """The environment of a process that leaves its temporary files in `folder`.

    PyTorch has precompiled C++ headers of 130 MB among them, for whoever compiles next: those are in
    `kept`, where all else that compilers keep is.
    """
    kept.mkdir(parents=True, exist_ok=True)
    user = re.sub(r'[\\/:*?"<>|]', "_", getpass.getuser())  # as PyTorch names it
    try:
        (folder / f"torchinductor_{user}").symlink_to(kept, target_is_directory=True)
    except OSError:  # Windows lets not everybody make links; nothing is precompiled there
        logger.debug("no link to what compilers keep", exc_info=True)
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


def _sweep() -> None:
    """Delete what programs left that did not end properly."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if _is_left_over(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another user's, or gone
            logger.debug("%s is left alone", folder, exc_info=True)


def _is_left_over(folder: Path) -> bool:
    status = folder.lstat()
    if fcntl is None or status.st_uid != os.getuid() or folder.is_symlink():
        return False
    if time.time() - status.st_mtime < _YOUNGEST_S:
        return False
    with (folder / _LOCK).open("a") as lock:
        return _take(lock)


def _take(lock: IO[str]) -> bool:
    """Whether this program holds the lock now; it lets go when the file is closed or it ends."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
