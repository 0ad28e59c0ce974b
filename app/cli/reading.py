"""Opening a profile for a command, with progress on the terminal."""

from pathlib import Path

from app.cli.progress import ProgressBar
from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.profile import Profile


def read_profiles(path: Path) -> tuple[Profile, ...]:
    """All profiles in a snapshot, or the one of a trace; raises as `read_profile` does."""
    if snapshot.matches(Probe(path)):
        return snapshot.read_all(path)
    return (read_profile(path),)


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
