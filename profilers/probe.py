"""A cheap look at a path: enough to recognise a format, executing nothing."""

import zipfile
from functools import cached_property
from pathlib import Path

HEAD_BYTES = 64 * 1024


class Probe:
    """First bytes, size and (for a ZIP) member names of a path, each read once on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @cached_property
    def size(self) -> int:
        return 0 if self.is_folder else self.path.stat().st_size

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB; empty for a folder."""
        if self.is_folder:
            return b""
        with self.path.open("rb") as file:
            return file.read(HEAD_BYTES)

    @cached_property
    def zip_names(self) -> tuple[str, ...]:
        """Member names if the file is a sound ZIP, else empty."""
        if not self.head.startswith(b"PK\x03\x04"):
            return ()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return tuple(archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return ()

    @cached_property
    def folder_names(self) -> tuple[str, ...]:
        return tuple(child.name for child in self.path.iterdir()) if self.is_folder else ()
