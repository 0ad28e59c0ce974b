"""Packages that AOTInductor compiled in earlier runs: the compiler itself begins anew each time."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_BYTES = 2_000_000_000
_FOLDER = "packages"  # beside what else the compiler keeps


@dataclass(frozen=True)
class KeptPackage:
    """Where the package of a program is kept, whether it is there yet or not."""

    path: Path

    def compile_ns(self) -> int:
        """What compiling it took; 0 where it is not there."""
        try:
            told = json.loads(self._told.read_text())
            os.utime(self.path)  # the ones that are used stay longest
            return int(told["compile_ns"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def keep(self, package: Path, compile_ns: int) -> None:
        """Take a package that was just compiled; of what is used least some may go."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(package, self.path)
        self._told.write_text(json.dumps({"compile_ns": compile_ns}))
        _make_room(self.path.parent)

    @property
    def _told(self) -> Path:
        return self.path.with_suffix(".json")


def kept_package(program: Any, settings: Mapping[str, Any], device: Any) -> KeptPackage | None:
    """The place of exactly this program: its graph, its weights, how and for what it is compiled.

    None where the compiler keeps nothing or the weights cannot be told.
    """
    root = os.environ.get("TORCHINDUCTOR_CACHE_DIR", "")
    if not root:
        return None
    try:
        return KeptPackage(Path(root, _FOLDER, f"{_key(program, settings, device)}.pt2"))
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):  # odd kinds of tensors
        return None


def _key(program: Any, settings: Mapping[str, Any], device: Any) -> str:
    import torch
    from torch._inductor import config

    digest = hashlib.blake2b(digest_size=20)
    machine = (
        torch.cuda.get_device_properties(device)
        if device.type == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    how = (torch.__version__, sorted(settings.items()), config.get_hash(), str(device), machine)
    digest.update(repr(how).encode())
    digest.update(str(program).encode())
    for name, tensor in _tensors(program):
        digest.update(f"{name} {tensor.dtype} {tensor.shape} {tensor.stride()}".encode())
        values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(values.numpy())
    return digest.hexdigest()


def _tensors(program: Any) -> Iterator[tuple[str, Any]]:
    import torch

    for name, value in sorted({**program.constants, **program.state_dict}.items()):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is no tensor")
        yield name, value


def _make_room(folder: Path) -> None:
    packages = sorted(folder.glob("*.pt2"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for number, path in enumerate(packages):
        total += path.stat().st_size
        if number and total > _MOST_BYTES:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
