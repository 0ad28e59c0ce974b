"""The ZIP around a snapshot: stored members, and one manifest that names each of them."""

import errno
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from profilers.errors import DamagedFile
from profilers.snapshot import implied
from profilers.snapshot.section import Section, Stored

FORMAT = "twinscope-snapshot"
MAJOR, MINOR = 4, 1
MIME_TYPE = "application/vnd.twinscope.snapshot+zip"
MIME_MEMBER = "mimetype"  # first and stored, as other ZIP formats do, so that its bytes are at 38
MANIFEST = "manifest.json"
ASK_AGAIN = "Ask for the file again."
MEMBERLESS = ("constant", *implied.ENCODINGS)  # columns that have no bytes of their own
_LARGEST_MANIFEST_BYTES = 64 << 20
_LARGEST_IN_MANIFEST_BYTES = 256
_MOST_IN_MANIFEST = 4_000_000
_MOST_MEMBERS = 100_000
_MOST_PROFILES = 100
_KEPT_IN_FILE_BYTES = 64 << 20
_MEMORY_SHARE = 0.5
_LOCAL_HEADER_BYTES = 30
_CUT = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, NotImplementedError)


@dataclass
class Parts:
    """What is held of one profile: bytes and a manifest entry per member, plain values by path."""

    members: dict[str, Stored] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def save(path: Path, profiles: list[Parts], about: Mapping[str, Any]) -> None:
    """Write all or nothing: a file of that name is replaced only once the new one is whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            write(out, profiles, about)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(out: IO[bytes], profiles: list[Parts], about: Mapping[str, Any]) -> None:
    """Write the archive; equal profiles give equal bytes. `about` tells of all of them together."""
    entries = {
        f"{at}/{name}": _with_small_data(entry, parts.members.get(name, b""))
        for at, parts in enumerate(profiles)
        for name, entry in parts.entries.items()
    }
    manifest = {
        "format": FORMAT,
        "version": [MAJOR, MINOR],
        "members": entries,
        "profiles": [{"values": parts.values} for parts in profiles],
        **({"about": about} if about else {}),
    }
    text = json.dumps(manifest, ensure_ascii=False, separators=(",", ":"))
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(_info(MIME_MEMBER), MIME_TYPE)
        packed = _info(MANIFEST)
        packed.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(packed, text.encode("utf-8", "surrogatepass"))
        for at, parts in enumerate(profiles):
            for member, data in parts.members.items():
                if not _is_small(data):
                    _write_member(archive, f"{at}/{member}", data)


def load(path: Path) -> tuple[list[Parts], Mapping[str, Any]]:
    """The profiles of a snapshot of this or an older version, and what tells of all together.

    Members that hold slice arguments stay in the file where they are large.

    Raises
    ------
    DamagedFile
        If the archive is cut, was edited, was written by a newer major version, or needs more
        memory than there is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = _checked(path, archive)
            manifest = _parsed(path, archive.read(MANIFEST))
            _check_manifest(path, manifest)
            members = _members(path, archive, infos, manifest["members"])
            members.update(_small_members(manifest["members"]))
    except _CUT as error:
        raise DamagedFile.because(
            f"Cannot open {path.name}", error, "the archive is cut or was changed", ASK_AGAIN
        ) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, "its manifest is not readable") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's begin
            raise
        raise damaged(path, "the archive names places outside of it") from error
    entries = manifest["members"]
    lost = sorted(
        name
        for name in entries.keys() - members.keys()
        if not (isinstance(entries[name], dict) and entries[name].get("encoding") in MEMBERLESS)
    )
    if lost:
        raise damaged(path, f"the archive lacks {lost[0]}, which its manifest names")
    if manifest["version"][0] == 1:
        return [Parts(members, entries, manifest["values"])], {}
    about = manifest.get("about")
    profiles = [
        Parts(_within(members, at), _within(entries, at), each["values"])
        for at, each in enumerate(manifest["profiles"])
    ]
    return profiles, about if isinstance(about, dict) else {}


def damaged(path: Path, why: str) -> DamagedFile:
    return DamagedFile(f"Cannot open {path.name}", why, ASK_AGAIN)


def _is_small(data: Stored) -> bool:
    return len(data) <= _LARGEST_IN_MANIFEST_BYTES


def _with_small_data(entry: Mapping[str, Any], data: Stored) -> dict[str, Any]:
    """The entry with what a member of its own would spend more on its name than on its bytes."""
    if not data or not _is_small(data):
        return {**entry}
    return {**entry, "data": bytes(data[:]).hex()}


def _small_members(entries: Mapping[str, Any]) -> dict[str, Stored]:
    """Takes the data out of the entries.

    Raises
    ------
    ValueError
        If it is not what was written.
    """
    found: dict[str, Stored] = {}
    for name, entry in entries.items():
        if isinstance(entry, dict) and "data" in entry:
            found[name] = bytes.fromhex(str(entry.pop("data")))
    return found


def _info(name: str) -> zipfile.ZipInfo:
    """Without the time of writing."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o644 << 16
    return info


def _write_member(archive: zipfile.ZipFile, name: str, data: Stored) -> None:
    if isinstance(data, bytes):
        archive.writestr(_info(name), data)
        return
    with archive.open(_info(name), "w", force_zip64=True) as out:
        for chunk in data.chunks():
            out.write(chunk)


def _within(named: Mapping[str, Any], at: int) -> dict[str, Any]:
    prefix = f"{at}/"
    return {name[len(prefix) :]: each for name, each in named.items() if name.startswith(prefix)}


def _checked(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """All members but the manifest; they are stored, so that none can be larger than the file."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(names) > _MOST_MEMBERS or len(set(names)) != len(names):
        raise damaged(path, "its list of members is not sound")
    size = path.stat().st_size
    for info in infos:
        if info.filename == MANIFEST:
            if info.file_size > _LARGEST_MANIFEST_BYTES:
                raise damaged(path, "its manifest is too large")
        elif info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
            raise damaged(path, f"the member {info.filename} is not stored as it should be")
    if sum(info.compress_size for info in infos) > size:
        raise damaged(path, "its members overlap")
    return [info for info in infos if info.filename not in (MANIFEST, MIME_MEMBER)]


def _parsed(path: Path, text: bytes) -> Any:
    """Refuses what would take a hundred times its size: nothing but brackets, say."""
    if sum(text.count(sign) for sign in (b"[", b"{", b",")) > _MOST_IN_MANIFEST:
        raise damaged(path, "its manifest is too large")
    return json.loads(text)


def _check_manifest(path: Path, manifest: Any) -> None:
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
    parts = [manifest] if version[0] == 1 else manifest.get("profiles")
    if not isinstance(manifest.get("members"), dict) or not isinstance(parts, list):
        raise damaged(path, "its manifest lists no members")
    if not 0 < len(parts) <= _MOST_PROFILES:
        raise damaged(path, f"its manifest names {len(parts)} profiles")
    if not all(isinstance(each, dict) and isinstance(each.get("values"), dict) for each in parts):
        raise damaged(path, "its manifest lists no members")


def _members(
    path: Path,
    archive: zipfile.ZipFile,
    infos: list[zipfile.ZipInfo],
    entries: Mapping[str, Any],
) -> dict[str, Stored]:
    is_kept = {info.filename: _stays_in_file(info, entries) for info in infos}
    wanted = sum(info.file_size for info in infos if not is_kept[info.filename])
    if wanted > _MEMORY_SHARE * psutil.virtual_memory().available:
        raise damaged(path, "it needs more memory than this machine has")
    return {
        info.filename: _section(path, info)
        if is_kept[info.filename]
        else archive.read(info.filename)
        for info in infos
    }


def _stays_in_file(info: zipfile.ZipInfo, entries: Mapping[str, Any]) -> bool:
    entry = entries.get(info.filename)
    is_blocks = isinstance(entry, dict) and entry.get("encoding") == "json-blocks"
    return is_blocks and info.file_size > _KEPT_IN_FILE_BYTES


def _section(path: Path, info: zipfile.ZipInfo) -> Section:
    header = Section(path, info.header_offset, _LOCAL_HEADER_BYTES)[:]
    if not header.startswith(b"PK\x03\x04"):
        raise zipfile.BadZipFile(f"{info.filename} has no header")
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    offset = info.header_offset + _LOCAL_HEADER_BYTES + lengths
    if offset + info.file_size > path.stat().st_size:
        raise zipfile.BadZipFile(f"{info.filename} is cut")
    return Section(path, offset, info.file_size)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
