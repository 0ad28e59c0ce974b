"""Opening a profile for a command, with progress on the terminal."""

from collections.abc import Sequence
from pathlib import Path

from app.cli.progress import ProgressBar
from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.profile import KeptComparison, Profile


def read_profiles(path: Path) -> tuple[tuple[Profile, ...], KeptComparison | None]:
    """All profiles in a snapshot, or the one of a trace, and how they were compared.

    Raises as `read_profile` does.
    """
    if snapshot.matches(Probe(path)):
        return snapshot.read_compared(path)
    return (read_profile(path),), None


def read_files(paths: Sequence[Path]) -> tuple[list[Profile], KeptComparison | None]:
    """The profiles of all files in their order; how they were compared tells a file that is alone."""
    read = [read_profiles(path) for path in paths]
    profiles = [profile for found, _ in read for profile in found]
    return profiles, read[0][1] if len(read) == 1 else None


def read_profile(path: Path) -> Profile:
    """The profile in a snapshot or trace.

    Raises
    ------
    TwinscopeError
        If the file is a model, or cannot be read.
    """
    with ProgressBar() as bar:
        opened = open_path(path, lambda fraction: bar.show("reading", fraction))
    if isinstance(opened, ModelFile):
        raise TwinscopeError(
            f"{path.name} holds no profile",
            f"it is a model ({opened.title})",
            f"Profile it first: twinscope profile {path} --out {path.stem}.twin",
        )
    return opened
