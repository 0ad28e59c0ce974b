"""Trace readers: each module turns one trace format into a Profile.

A reader module offers::

    def matches(probe: Probe) -> bool                          # cheap, never raises
    def read(path: Path, progress: Progress) -> Profile        # raises DamagedFile with a reason

A reader of large files may also offer, for people who wait::

    def read_showing(path: Path, progress: Progress, show: Callable[[Profile], None]) -> Profile

which gives `show` the beginning of the trace while the rest is read. `progress` takes a fraction
from 0 to 1 and may raise Cancelled. Adding a format is one module and one line here; the first
match wins.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from profilers.probe import Probe
from profilers.profile import Profile

Progress = Callable[[float], None]

READERS: tuple[str, ...] = (
    "onnxruntime_profile",
    "cuda_memory_snapshot",
    "xplane",
    "chrome_json",
)


class Reader(Protocol):
    def matches(self, probe: Probe) -> bool: ...
    def read(self, path: Path, progress: Progress) -> Profile: ...


def reader_of(probe: Probe) -> Reader | None:
    """The reader module that recognises the probed path, if any does."""
    for name in READERS:
        module = cast(Reader, import_module(f"profilers.traces.{name}"))
        if module.matches(probe):
            return module
    return None
