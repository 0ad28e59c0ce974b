"""What an HDF5 file holds, told as JSON by a process of its own: ``hdf5_metadata PATH OFFSET SIZE``.

The HDF5 library can crash or hang on a crafted file, so the program reads it only through
`read_metadata`, which starts this module as a script with limits on time and memory. It lists
attributes, types and shapes, follows no link out of the file and reads no weights.
"""

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIMIT_S = 30.0
_MOST_MEMORY_BYTES = 4 * 2**30
_MOST_OBJECTS = 200_000
_MOST_TEXT = 16 * 2**20  # characters of all names, and of one attribute
_DEEPEST = 64


@dataclass(frozen=True)
class Hdf5Metadata:
    """Datasets as (path, numpy dtype, shape); text attributes of the root; groups' ``name``."""

    datasets: tuple[tuple[str, str, tuple[int, ...]], ...]
    attributes: dict[str, str]
    names: dict[str, str]


def read_metadata(path: Path, offset: int = 0, size: int | None = None) -> Hdf5Metadata:
    """Metadata of the HDF5 content at `offset` of a file, in bytes.

    Raises
    ------
    ValueError
        If the content is damaged, or reading it takes too long or too much memory.
    TwinscopeError
        If the reading process was killed.
    """
    size = path.stat().st_size - offset if size is None else size
    command = [sys.executable, "-I", __file__, str(path), str(offset), str(size)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"reading its HDF5 part took more than {_LIMIT_S:.0f} s") from None
    if done.returncode == -9:
        from profilers.errors import TwinscopeError  # the script itself runs without `profilers`

        raise TwinscopeError(
            f"Cannot read {path.name}",
            "the system killed the process that reads it, most likely because memory ran out",
            "Open it again.",
        )
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        told = OSError(lines[-1] if lines else "the reader died")
        raise ValueError("its HDF5 part is cut off or damaged") from told
    told = json.loads(done.stdout)
    datasets = tuple((name, dtype, tuple(shape)) for name, dtype, shape in told["datasets"])
    return Hdf5Metadata(datasets, told["attributes"], told["names"])


class _Window(io.RawIOBase):
    """A part of a file as a file of its own, so that a weight file inside a ZIP is not copied."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115  # closed with the process
        self._offset = offset
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + position, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(self._size - self._at, 0))
        self._file.seek(self._offset + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _tell(path: str, offset: int, size: int) -> dict[str, Any]:
    import h5py

    told: dict[str, Any] = {"datasets": [], "attributes": {}, "names": {}}
    with h5py.File(_Window(path, offset, size), "r") as file:
        for key in list(file.attrs)[:100]:
            told["attributes"][key] = _text(file.attrs[key])
        waiting: list[tuple[str, Any, int]] = [("", file, 0)]
        count = length = 0
        while waiting:
            prefix, group, depth = waiting.pop()
            for key in group:
                count += 1
                length += len(prefix) + len(key)
                if count > _MOST_OBJECTS or depth > _DEEPEST or length > _MOST_TEXT:
                    raise ValueError("it holds absurdly many, long or deeply nested names")
                if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                    continue  # a link can lead out of the file
                item, name = group[key], f"{prefix}{key}"
                if isinstance(item, h5py.Group):
                    if "name" in item.attrs:
                        told["names"][name] = _text(item.attrs["name"])
                    waiting.append((f"{name}/", item, depth + 1))
                elif isinstance(item, h5py.Dataset):
                    told["datasets"].append((name, item.dtype.name, item.shape or ()))
    return told


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > _MOST_TEXT:
        raise ValueError("an attribute is absurdly long")
    return text


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return  # not on Windows; the time limit remains
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))


if __name__ == "__main__":
    _limit_memory()
    try:
        json.dump(_tell(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
