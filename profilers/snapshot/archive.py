"""The ZIP around a snapshot: stored members, and one manifest that names each of them."""

import errno
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile

FORMAT = "twinscope-snapshot"
MAJOR, MINOR = 1, 0
MANIFEST = "manifest.json"
_LARGEST_MANIFEST_BYTES = 64 << 20
_MOST_MEMBERS = 100_000


def save(path: Path, members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """Write all or nothing: a file of that name is replaced only once the new one is whole."""
    whole = {"format": FORMAT, "version": [MAJOR, MINOR], **manifest}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out, zipfile.ZipFile(out, "w") as archive:
            archive.writestr(MANIFEST, json.dumps(whole, ensure_ascii=False))
            for member, data in members.items():
                archive.writestr(member, data)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Members and manifest of a snapshot.

    Raises
    ------
    DamagedFile
        If the archive is cut, was edited, or was written by a newer major version.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive)
            manifest = json.loads(members.pop(MANIFEST))
    except (zipfile.BadZipFile, EOFError, RuntimeError, KeyError) as error:
        raise damaged(path, f"the archive is cut or was changed ({error})") from error
    except ValueError as error:
        raise damaged(path, "its manifest is not readable") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's begin
            raise
        raise damaged(path, "the archive names places outside of it") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise damaged(path, "its manifest names another format")
    version = manifest.get("version")
    if not (isinstance(version, list) and version and isinstance(version[0], int)):
        raise damaged(path, "its manifest has no version")
    if version[0] > MAJOR:
        raise DamagedFile(
            f"Cannot open {path.name}",
            f"a newer Twinscope wrote it (snapshot version {version[0]}, this one reads {MAJOR})",
            "Update Twinscope.",
        )
    if not all(isinstance(manifest.get(part), dict) for part in ("members", "values")):
        raise damaged(path, "its manifest lists no members")
    lost = sorted(manifest["members"].keys() - members.keys())
    if lost:
        raise damaged(path, f"the archive lacks {lost[0]}, which its manifest names")
    return members, manifest


def damaged(path: Path, why: str) -> DamagedFile:
    return DamagedFile(f"Cannot open {path.name}", why, "Ask for the file again.")


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    """All members; they are stored, so that none can be larger than the file."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(names) > _MOST_MEMBERS or len(set(names)) != len(names):
        raise damaged(path, "its list of members is not sound")
    size = path.stat().st_size
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
            raise damaged(path, f"the member {info.filename} is not stored as it should be")
        if info.filename == MANIFEST and info.file_size > _LARGEST_MANIFEST_BYTES:
            raise damaged(path, "its manifest is too large")
    if sum(info.file_size for info in infos) > size:
        raise damaged(path, "its members overlap")
    return {name: archive.read(name) for name in names}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
