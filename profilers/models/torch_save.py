"""What ``torch.save`` wrote, read without executing it: in a ZIP, in the older flat form, or bare."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from profilers.models.pickle_scan import Global, PickleContent, UnsoundPickle, scan
from profilers.models.torch_tensors import Storage
from profilers.models.torch_zip import LARGEST_MEMBER, TorchArchive

LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_OBJECT = 3  # after the magic number, the protocol and facts of the system
_LEGACY_PICKLES = 5  # and then the keys of the storages, whose raw data follows
_LEGACY_LENGTH_BYTES = 8


def read_saved(source: Path | BinaryIO) -> PickleContent:
    """The saved object; its `globals` are those of every pickle that loading would read.

    Raises
    ------
    zipfile.BadZipFile, UnsoundPickle
        If it is cut off or unsound.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return read_saved(stream)
    head = source.read(len(LEGACY_MAGIC))
    source.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _read_zip(source)
    if head == LEGACY_MAGIC:
        return _read_legacy(source)
    return scan(io.BytesIO(source.read(LARGEST_MEMBER)))


def _read_zip(stream: BinaryIO) -> PickleContent:
    with TorchArchive(stream) as archive:
        content = scan(io.BytesIO(archive.read("data.pkl")))
        for storage in content.storages:
            if f"data/{storage.key}" not in archive:
                raise UnsoundPickle(f"it lacks the tensor data data/{storage.key}")
        return content


def _read_legacy(stream: BinaryIO) -> PickleContent:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    pickles = io.BytesIO(stream.read(LARGEST_MEMBER))
    contents = [scan(pickles) for _ in range(_LEGACY_PICKLES)]
    saved = contents[_LEGACY_OBJECT]
    end = pickles.tell() + _data_bytes(saved.storages)
    if end > size:
        raise UnsoundPickle(f"it is cut off: {size:,} of {end:,} bytes are there")
    return PickleContent(saved.root, _all_globals(contents), saved.storages)


def _data_bytes(storages: Iterable[Storage]) -> int:
    return sum(_LEGACY_LENGTH_BYTES + storage.bytes for storage in storages)


def _all_globals(contents: Iterable[PickleContent]) -> tuple[Global, ...]:
    return tuple(dict.fromkeys(found for content in contents for found in content.globals))
