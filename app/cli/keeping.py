"""A capture on the command line: progress while it runs, and its snapshot where it was asked for."""

import shutil
from collections.abc import Callable
from pathlib import Path

from app.autosave import Autosave
from app.cli.progress import ProgressBar
from app.paths import data_folder
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.profile import Profile
from profilers.worker_process import OnEvent

Capture = Callable[[Launcher, Autosave, OnEvent], tuple[Profile, Path]]


def capture_into(out: Path, capture: Capture) -> Profile:
    """Run `capture` and leave its snapshot as `out`; raises whatever it raises.

    Raises
    ------
    TwinscopeError
        If `out` cannot be written; the snapshot is then kept, and the window offers it.
    """
    launcher = Launcher()
    autosave = Autosave(data_folder() / "autosave")
    try:
        with ProgressBar() as bar:
            profile, folder = capture(launcher, autosave, bar.on_event)
        path = autosave.keep(profile, folder)
    except BaseException:
        autosave.close()
        raise
    finally:
        launcher.close()
    _move(path, out)
    autosave.close()
    return profile


def _move(path: Path, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, out)
    except OSError as error:
        why = error.strerror or str(error)
        raise TwinscopeError(
            f"Cannot save {out}", why, f"The capture is kept as {path}."
        ) from error
