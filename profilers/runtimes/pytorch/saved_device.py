"""Tells on which device the tensors of a PyTorch file were saved."""

import re
import zipfile
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError

_PLACE = re.compile(rb"cuda:\d+")
_CODE_FOR = re.compile(rb'"AOTI_DEVICE_KEY": "(\w+)"')
_PICKLES = ("data.pkl", "constants.pkl")
_LARGEST = 64 << 20
Notes = tuple[tuple[str, str], ...]


def moved_here(path: Path, device: Any) -> Notes:
    """A note where the file was saved on a GPU and is loaded onto something else."""
    places = _saved_on(path, _PICKLES)
    if not places or device.type == "cuda":
        return ()
    return (
        (
            f"{path.name} was saved on {', '.join(places)}; its tensors were loaded onto {device}.",
            "Times and memory are those of this device.",
        ),
    )


def require_device_of(path: Path) -> None:
    """Refuse an exported program of a GPU where there is none: its graph names the device.

    Raises
    ------
    TwinscopeError
    """
    import torch

    if not torch.cuda.is_available() and _names_cuda(path):
        raise TwinscopeError(
            f"{path.name} cannot run here",
            "it was exported on a CUDA device, and this machine or this build of PyTorch has none",
            "Export it again on the CPU, or first move it there with "
            "torch.export.passes.move_to_device_pass.",
        )


def require_code_for(device: Any, path: Path) -> None:
    """Refuse an AOTInductor package whose native code is for another kind of device.

    Raises
    ------
    TwinscopeError
    """
    texts = _texts(path, ("_metadata.json",))
    kinds = sorted({kind.decode() for text in texts for kind in _CODE_FOR.findall(text)})
    if kinds and device.type not in kinds:
        raise TwinscopeError(
            f"{path.name} cannot run on {device}",
            f"its native code was compiled for {', '.join(kinds)}",
            f"Choose a device of that kind, or compile the model again for {device.type}.",
        )


def _names_cuda(path: Path) -> bool:
    return any(b'"cuda"' in text for text in _texts(path, (".json",)))


def _saved_on(path: Path, endings: tuple[str, ...]) -> list[str]:
    found = {place for text in _texts(path, endings) for place in _PLACE.findall(text)}
    return sorted(place.decode() for place in found)


def _texts(path: Path, endings: tuple[str, ...]) -> list[bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                archive.read(member)
                for member in archive.infolist()
                if member.filename.endswith(endings) and member.file_size <= _LARGEST
            ]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
