"""A capture on the command line: progress while it runs, and its snapshot where it was asked for."""

import shutil
from collections.abc import Callable
from pathlib import Path

from app.autosave import Autosave
from app.cli.progress import ProgressBar
from app.paths import data_folder
from profilers.launcher import Launcher
from profilers.profile import Profile
from profilers.worker_process import OnEvent

Capture = Callable[[Launcher, Autosave, OnEvent], tuple[Profile, Path]]


def capture_into(out: Path, capture: Capture) -> Profile:
    """Run `capture` and leave its snapshot as `out`; raises whatever it raises."""
    launcher = Launcher()
    autosave = Autosave(data_folder() / "autosave")
    try:
        with ProgressBar() as bar:
            profile, folder = capture(launcher, autosave, bar.on_event)
        path = autosave.keep(profile, folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, out)
    finally:
        launcher.close()
        autosave.close()
    return profile
