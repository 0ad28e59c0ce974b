"""What a person agreed to run, remembered by content."""

import hashlib
import json
from pathlib import Path

from profilers.errors import TwinscopeError

_CHUNK = 1 << 20


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative names and contents in sorted order."""
    sha = hashlib.sha256()
    if path.is_dir():
        for file in sorted(child for child in path.rglob("*") if child.is_file()):
            sha.update(file.relative_to(path).as_posix().encode() + b"\0")
            sha.update(bytes.fromhex(digest(file)))
        return sha.hexdigest()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def content_digest(path: Path) -> str:
    """As `digest`; "" for a model that a library makes by name, which is no file.

    Raises
    ------
    TwinscopeError
        If the file cannot be read.
    """
    try:
        return digest(path) if path.exists() else ""
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"Cannot read {path.name}"
        raise TwinscopeError(what, reason, "Check the path and its rights.") from error


class TrustStore:
    """Digests of trusted files, kept in one JSON file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def holds(self, sha256: str) -> bool:
        return sha256 in self._read()

    def add(self, sha256: str, name: str) -> None:
        """Remember that the person trusts this content; `name` is only for reading the file."""
        trusted = self._read() | {sha256: name}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(trusted, indent=1, ensure_ascii=False))

    def _read(self) -> dict[str, str]:
        try:
            trusted = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return trusted if isinstance(trusted, dict) else {}
