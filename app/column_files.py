"""From a path to the columns that show it; runs off the GUI thread."""

from dataclasses import dataclass
from pathlib import Path

from app.jobs import Job
from profilers import snapshot
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.profile import KeptComparison, Profile
from profilers.trust import content_digest
from profilers.worker_process import Progress

Opened = tuple[Profile | ModelFile, str]  # the digest is that of a model's content


@dataclass(frozen=True)
class Beginning:
    """What a file that is still being read begins with."""

    profile: Profile


@dataclass(frozen=True)
class Columns:
    """What a file holds, column by column, and how its columns were compared."""

    opened: list[Opened]
    comparison: KeptComparison | None = None


def open_columns(path: Path, job: Job) -> Columns:
    """Raises as `open_one` does."""
    if path.is_file() and snapshot.matches(Probe(path)):
        profiles, comparison = snapshot.read_compared(path)
        return Columns([(profile, "") for profile in profiles], comparison)
    return Columns([open_one(path, job)])


def open_one(path: Path, job: Job) -> Opened:
    """The one model or profile of a path, with its beginning reported while the rest is read."""
    opened = open_path(
        path,
        lambda fraction: job.report(Progress("reading", fraction)),
        lambda profile: job.report(Beginning(profile)),
    )
    return opened, content_digest(path) if isinstance(opened, ModelFile) else ""
