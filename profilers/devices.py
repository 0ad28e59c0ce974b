"""The CUDA devices of this machine, found without any framework."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder per GPU, with its name and number
_NODES = Path("/dev")  # nvidia0, nvidia1, ...: those that this container may use
_LONGEST_S = 3.0
_LISTED = re.compile(r"^GPU \d+: (?P<name>.+?)(?: \(UUID: .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Device:
    """A device that a run may use: ``cuda:0`` and what it is called."""

    id: str
    name: str = ""


@lru_cache(maxsize=1)
def devices() -> tuple[Device, ...]:
    """The CPU, and every CUDA device that a framework would see here."""
    names = driver_names(_DRIVER, _NODES)
    if names is None:
        names = _listed_names()
    seen = visible(names, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return (Device("cpu"), *(Device(f"cuda:{at}", name) for at, name in enumerate(seen)))


def driver_names(driver: Path, nodes: Path) -> list[str] | None:
    """Names of the GPUs that NVIDIA's Linux driver tells of; None where there is no such driver.

    Parameters
    ----------
    driver : Path
        ``/proc/driver/nvidia/gpus``.
    nodes : Path
        ``/dev``; a GPU without its node there belongs to somebody else's container.
    """
    if not driver.is_dir():
        return None
    names = []
    for folder in sorted(driver.iterdir()):
        try:
            text = (folder / "information").read_text()
        except OSError:
            continue
        told = dict(line.partition(":")[::2] for line in text.splitlines())
        number = told.get("Device Minor", "").strip()
        if not number or (nodes / f"nvidia{number}").exists():
            names.append(told.get("Model", "").strip())
    return names


def visible(names: list[str], setting: str | None) -> list[str]:
    """What CUDA_VISIBLE_DEVICES leaves of the GPUs, in its order.

    As for CUDA, the first entry that names no GPU ends the list. UUIDs keep the count, not the names.
    """
    if setting is None:
        return names
    found = []
    for entry in (part.strip() for part in setting.split(",")):
        if entry.isdigit() and int(entry) < len(names):
            found.append(names[int(entry)])
        elif entry.startswith(("GPU-", "MIG-")):
            found.append(names[0] if len(set(names)) == 1 else "")
        else:
            break
    return found


def _listed_names() -> list[str]:
    """As nvidia-smi lists them, where the driver has no files (Windows and its Linux)."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [match["name"] for match in _LISTED.finditer(done.stdout)]
