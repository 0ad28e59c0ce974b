"""Which xplane files a path stands for, and their bytes.

The profilers write ``<logdir>/plugins/profile/<session>/<host>.xplane.pb``: a file, a session and a
whole logdir are opened alike.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from zlib_ng import zlib_ng

from profilers.errors import DamagedFile
from profilers.probe import HEAD_BYTES, Probe
from profilers.profile import Diagnostic, Severity
from profilers.traces.xplane_proto import parse_space

SUFFIXES = (".xplane.pb", ".xplane.pb.gz")
MOST_BYTES = 2**31 - 1  # protobuf's own limit

_SESSIONS = (  # below the profile folder, the plugins folder, a logdir, and one with several runs
    "*",
    "profile/*",
    "plugins/profile/*",
    "*/plugins/profile/*",
)
_TIME_OF_DAY = re.compile(r"\d{4}(_\d\d){5}")
_FIRST_PLANE = re.compile(
    rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f](\x08[\x80-\xff]{0,9}[\x00-\x7f])?\x12(?P<length>[\x01-\x7f])"
)
_PLANE_NAMES = (
    *(b"/host:", b"/device:", b"/virtualdevice:", b"/custom:", b"#Chip"),
    *(b"Task Environment", b"Host CPUs", b"Syscalls", b"Misc"),
)
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 31  # zlib's word for a gzip header and the largest window
_BROKEN = (cast(type[Exception], zlib_ng.error), zlib.error)


@dataclass(frozen=True)
class HostFile:
    """The trace of one host."""

    host: str  # as the file is named, "" if that tells nothing
    space: Any  # XSpace message
    bytes: int


def matches(probe: Probe) -> bool:
    """True for an XSpace whose first plane has a known name, and for folders of such files."""
    if probe.is_folder:
        names = probe.folder_names
        return any(name.endswith(SUFFIXES) for name in names) or _may_be_logdir(probe.path)
    head = probe.head
    if head.startswith(_GZIP_MAGIC):
        head = _unpacked_head(head)
    first = _FIRST_PLANE.match(head)
    return first is not None and head[first.end() :].startswith(_PLANE_NAMES)


def files_of(path: Path) -> tuple[list[Path], list[Diagnostic]]:
    """The files of the run that a path stands for, one per host, by name.

    Raises
    ------
    DamagedFile
        If a folder holds none.
    """
    if not path.is_dir():
        return [path], []
    here = _host_files(path)
    if here:
        return here, []
    sessions = sorted(_sessions_below(path), key=_age)
    if not sessions:
        raise DamagedFile(f"Cannot read {path.name}", "its profiling sessions hold no xplane.pb")
    newest = sessions.pop()
    told = []
    if sessions:
        others = ", ".join(str(each.relative_to(path)) for each in reversed(sessions[-5:]))
        told.append(
            Diagnostic(
                Severity.INFO,
                f"The folder holds {len(sessions) + 1} profiling sessions; only the newest, "
                f"{newest.name}, is shown.",
                f"Open another one by its own folder: {others}.",
                len(sessions),
            )
        )
    return _host_files(newest), told


def load(path: Path) -> HostFile:
    """The parsed XSpace of a file, plain or gzip.

    Raises
    ------
    DamagedFile
        If it is cut, too large or holds no planes.
    """
    data = unpacked_bytes(path)
    try:
        space = parse_space(data)
    except ValueError as error:
        raise _cut(path.name, str(error)) from error
    if not space.planes:
        raise DamagedFile(f"Cannot read the trace {path.name}", "it holds no planes")
    return HostFile(_host(path), space, len(data))


def unpacked_bytes(path: Path) -> bytes:
    """The encoded XSpace of a file, plain or gzip. Raises DamagedFile as `load` does."""
    data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    if data is not None and data.startswith(_GZIP_MAGIC):
        data = _unpacked(path.name, data)
    if data is None or len(data) > MOST_BYTES:
        raise DamagedFile(f"Cannot read {path.name}", "it is larger than a protobuf can be (2 GiB)")
    return data


def _may_be_logdir(path: Path) -> bool:
    try:
        return bool(_sessions_below(path))
    except OSError:
        return False


def _sessions_below(path: Path) -> list[Path]:
    """Folders with xplane files where the profilers put them."""
    return [
        folder
        for pattern in _SESSIONS
        for folder in path.glob(pattern)
        if folder.parent.name == "profile" and folder.is_dir() and _host_files(folder)
    ]


def _host_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.name.endswith(SUFFIXES))


def _age(session: Path) -> tuple[bool, str, float]:
    """Sessions are named for their time; others go by when they were written, and before those."""
    if _TIME_OF_DAY.fullmatch(session.name):
        return True, session.name, 0.0
    return False, "", max(file.stat().st_mtime for file in _host_files(session))


def _host(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return ""


def _unpacked_head(head: bytes) -> bytes:
    try:
        return bytes(zlib_ng.decompressobj(_GZIP).decompress(head, HEAD_BYTES))
    except _BROKEN:
        return b""


def _unpacked(name: str, data: bytes) -> bytes | None:
    """The content of a gzip file, None if that is larger than a protobuf can be."""
    inflater = zlib_ng.decompressobj(_GZIP)
    try:
        text = bytes(inflater.decompress(data, MOST_BYTES + 1))
    except _BROKEN as error:
        raise _cut(name, str(error)) from error
    if len(text) > MOST_BYTES:
        return None
    if not inflater.eof:
        raise _cut(name, "its gzip stream does not end")
    return text


def _cut(name: str, reason: str) -> DamagedFile:
    return DamagedFile(
        f"Cannot read the trace {name}",
        f"it is cut or damaged ({reason})",
        "Copy or capture it again; the file must be transferred as binary.",
    )
