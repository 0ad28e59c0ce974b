"""A PyTorch archive read with limits: the ZIP is a stranger's file."""

import json
import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from profilers.errors import DamagedFile
from profilers.models.pickle_scan import UnsoundPickle
from profilers.probe import Probe

logger = logging.getLogger(__name__)

MOST_MEMBERS = 200_000
LARGEST_MEMBER = 128 << 20  # of the members that describe the model; tensor data is never read
LARGEST_JSON = 64 << 20
_LONGEST_REASON = 300
_LOCAL_HEADER = re.compile(rb"PK\x03\x04.{22}(?P<length>..)..", re.DOTALL)


class UnsoundArchive(zipfile.BadZipFile):
    """The ZIP is readable, but not as PyTorch writes it."""


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn whatever an unsound file provokes into one DamagedFile with its reason."""
    try:
        yield
    except (
        UnsoundPickle, zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, TypeError,
        ValueError, AttributeError, OverflowError, RecursionError, MemoryError,
        NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        logger.info("refused %s", path, exc_info=True)
        what, told = f"Cannot open {path.name}", _reason(error)
        raise DamagedFile.because(what, error, told, "Copy or save the file again.") from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "its content is nested deeper than any model is"
    if isinstance(error, MemoryError):
        return "its content needs more memory than any model does"
    text = str(error)[:_LONGEST_REASON]
    if isinstance(error, zipfile.BadZipFile) and not isinstance(error, UnsoundArchive):
        return "its ZIP is cut off or damaged"
    if isinstance(error, UnicodeDecodeError):
        return "text in it is no UTF-8, as it is in a damaged file"
    if isinstance(error, KeyError):
        return f"its content is not as its format says: it lacks {text}"
    if isinstance(error, (IndexError, TypeError, AttributeError)) or not text:
        return "its content is not as its format says"
    return text


def torch_names(probe: Probe) -> tuple[str, ...]:
    """Member names without the archive's own folder; of a cut ZIP, those that its head still tells.

    Empty if the file is no ZIP.
    """
    if not probe.head.startswith(b"PK\x03\x04"):
        return ()
    return _without_folder(probe.zip_names or _names_in(probe.head))


def _names_in(head: bytes) -> tuple[str, ...]:
    names = []
    for header in _LOCAL_HEADER.finditer(head):
        (length,) = struct.unpack("<H", header["length"])
        names.append(head[header.end() : header.end() + length].decode("utf-8", "replace"))
    return tuple(names)


def _without_folder(names: tuple[str, ...]) -> tuple[str, ...]:
    prefix = _folder(names)
    return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def _folder(names: Sequence[str]) -> str:
    """The archive's folder is that of its first member, as in PyTorch's own reader."""
    folder, slash, _ = names[0].partition("/") if names else ("", "", "")
    return folder + slash if slash else ""


def is_program(name: str) -> bool:
    """True for the member that holds an exported program's graph."""
    return name.startswith("models/") and name.endswith(".json")


class TorchArchive:
    """Members of a PyTorch archive by name without the archive's own folder.

    As in PyTorch's own reader, a name is found whatever its case.

    Raises
    ------
    zipfile.BadZipFile
        If the ZIP is cut, holds a name twice, or lists more than a model would.
    """

    def __init__(self, source: Path | BinaryIO) -> None:
        self._zip = zipfile.ZipFile(source)
        try:
            self._members = _members(self._zip)
        except zipfile.BadZipFile:
            self._zip.close()
            raise

    def __enter__(self) -> "TorchArchive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self._members.values())

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._members

    def read_json(self, name: str) -> Any:
        """A JSON member; it is held to less, since it grows twentyfold when decoded."""
        return json.loads(self.read(name, LARGEST_JSON))

    def read(self, name: str, most_bytes: int = LARGEST_MEMBER) -> bytes:
        """Content of a member that describes the model.

        Raises
        ------
        zipfile.BadZipFile
            If it is missing, larger than `most_bytes`, encrypted or damaged.
        """
        if name not in self:
            raise UnsoundArchive(f"it lacks {name}")
        _, member = self._members[name.casefold()]
        if member.file_size > most_bytes:
            raise UnsoundArchive(f"its {name} claims {member.file_size:,} bytes")
        if member.flag_bits & 1:
            raise UnsoundArchive(f"its {name} is encrypted")
        return self._zip.read(member)


def _members(archive: zipfile.ZipFile) -> dict[str, tuple[str, zipfile.ZipInfo]]:
    """Names and members by folded name."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise UnsoundArchive(f"its ZIP lists {len(infos):,} members")
    if infos and min(info.header_offset for info in infos) != 0:
        # The directory that was found is that of a smaller ZIP stored in this one.
        raise UnsoundArchive("it is cut off: the directory of its ZIP is missing")
    if len({info.filename.casefold() for info in infos}) < len(infos):
        raise UnsoundArchive("its ZIP holds the same name twice")
    prefix = _folder([info.filename for info in infos])
    names = (
        (info.filename.removeprefix(prefix), info)
        for info in infos
        if info.filename.startswith(prefix)
    )
    return {name.casefold(): (name, info) for name, info in names}
