"""Unsaved captures on disk, so that a crash loses nothing."""

import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from profilers import snapshot
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.profile import Profile

logger = logging.getLogger(__name__)


@dataclass
class Autosave:
    """One running program's part of the autosave folder.

    The part is named after the process that owns it; parts whose owner is gone are left-overs of a
    crash and are offered to the person.
    """

    root: Path
    _owner: str = field(default_factory=lambda: _owner_name(os.getpid()))

    @property
    def folder(self) -> Path:
        return self.root / self._owner

    def new_capture_folder(self) -> Path:
        """An empty folder for a worker to write into; raises TwinscopeError."""
        folder = self.folder / f"capture-{uuid.uuid4().hex[:12]}"
        remedy = "Make room or rights there, or name another folder in TWINSCOPE_HOME."
        with self._told("There is no place for a capture", remedy):
            folder.mkdir(parents=True)
        return folder

    def store(self, profile: Profile, folder: Path | None = None) -> Path:
        """Write a profile beside the captures and return the snapshot's path.

        `folder` is the capture that it was read from, in whose place it is offered after a crash.

        Raises
        ------
        TwinscopeError
            If it cannot be written.
        """
        path = self.folder / f"{folder.name if folder else uuid.uuid4().hex[:12]}.twin"
        what = f"What is new in {profile.environment.model_name or profile.name} is not kept yet"
        with self._told(what, "Save it in another place, or make room there."):
            self.folder.mkdir(parents=True, exist_ok=True)
            snapshot.write(profile, path)
        return path

    def keep(self, profile: Profile, folder: Path) -> Path:
        """Store the profile of a capture folder, which is no longer needed then."""
        path = self.store(profile, folder)
        discard(folder)
        return path

    def reopened(self, path: Path) -> tuple[Profile, Path]:
        """The profile of a left-over, and where this program keeps it.

        That is the left-over itself where there is no room for another one. Raises TwinscopeError.
        """
        profile = read_capture(path) if path.is_dir() else snapshot.read(path)
        try:
            return profile, self.store(profile)
        except TwinscopeError:
            return profile, path

    def left_over(self) -> list[Path]:
        """Snapshots and capture folders of programs that did not end properly, oldest first."""
        found: list[Path] = []
        for part in self._orphaned_parts():
            found += [each for each in part.iterdir() if _is_whole(each)]
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def discard_remains(self) -> None:
        """Delete what such programs left in vain: captures that had not ended or were stored already."""
        for part in self._orphaned_parts():
            with suppress(OSError):  # what cannot go stays
                for each in list(part.iterdir()):
                    is_stored = each.is_dir() and each.with_suffix(".twin").exists()
                    if is_stored or not _is_whole(each):
                        discard(each)
                if not any(part.iterdir()):
                    part.rmdir()

    def discard_left_over(self) -> None:
        for part in self._orphaned_parts():
            shutil.rmtree(part, ignore_errors=True)

    def close(self) -> None:
        """The program ends properly: what is unsaved now was given up by the person."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _told(self, what: str, remedy: str) -> Iterator[None]:
        """What the system refuses, as a sentence."""
        try:
            yield
        except OSError as error:
            why = f"{error.strerror or error} ({self.root})"
            raise TwinscopeError(what, why, remedy) from error

    def _orphaned_parts(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return [
            part
            for part in self.root.iterdir()
            if part.is_dir() and part.name != self._owner and not _owner_lives(part.name)
        ]


def discard(path: Path) -> None:
    """Delete a snapshot or a capture folder, whether it is still there or not."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _owner_name(pid: int) -> str:
    """Process id and start time: a reused id is another owner."""
    return f"{pid}-{int(psutil.Process(pid).create_time())}"


def _owner_lives(name: str) -> bool:
    pid = name.partition("-")[0]
    try:
        return pid.isdigit() and _owner_name(int(pid)) == name
    except psutil.Error:
        return False


def _is_whole(path: Path) -> bool:
    return path.suffix == ".twin" or (path / "run.json").is_file()
