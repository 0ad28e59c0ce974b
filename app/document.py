"""One column's content: a profile, the model it came from, and the work going on for it."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.autosave import discard
from app.jobs import Job
from profilers.analysis.carried_notes import carried_notes
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.profile import Profile
from profilers.request import RunRequest
from profilers.sweeps import SWEEP_STAGE
from profilers.visible_text import visible
from profilers.worker_process import Log, Progress
from views.counterpart import Counterpart
from views.notes import Notes
from views.selection import Selection


class Document(QObject):
    """A profile and where it comes from.

    `profile` is the model's preview until it was run. `unsaved_snapshot` is the autosaved file of a
    capture or of notes that the person has not saved; at first it is the capture's folder. `notes`
    are those of the moment: the profile keeps those that it was read with.
    """

    profile_changed = Signal()
    progressed = Signal(str, float)
    logged = Signal(str)
    failed = Signal(object)
    state_changed = Signal()
    notes_changed = Signal()
    renamed = Signal()

    def __init__(
        self, path: Path, profile: Profile, model: ModelFile | None = None, sha256: str = ""
    ) -> None:
        super().__init__()
        self.path = path
        self.name = ""  # tells profiles of one file apart
        self._given_title = ""  # by the person
        self.model = model
        self.sha256 = sha256
        self.profile = profile
        self.selection = Selection(profile, self)
        self.counterpart = Counterpart(self)
        self.notes = self._notes_of(profile)
        self.request: RunRequest | None = None
        self.unsaved_snapshot: Path | None = None
        self.error: TwinscopeError | None = None
        self.job: Job | None = None
        self._stage = ""  # of the job
        self.place = 0  # in the order in which the person asked for documents

    @property
    def title(self) -> str:
        told = self.profile.environment.model_name or self.name or self.path.name
        return visible(self._given_title or told)

    def rename(self, title: str) -> None:
        """Give it another title, which snapshots of it keep; "" gives back what the file says."""
        self._given_title = title
        self.state_changed.emit()
        self.renamed.emit()

    @property
    def was_run(self) -> bool:
        """True for a captured or opened trace, False for a model's preview."""
        return self.model is None or self.profile is not self.model.preview

    @property
    def is_busy(self) -> bool:
        return self.job is not None

    @property
    def is_running(self) -> bool:
        """Whether its model runs or waits for its turn, rather than a file being read."""
        return self.is_busy and self.request is not None

    @property
    def is_unsaved(self) -> bool:
        return self.unsaved_snapshot is not None or self.notes.is_changed

    def profile_with_notes(self) -> Profile:
        """What a snapshot is to hold."""
        told = self.profile.environment
        named = replace(told, model_name=self._given_title or told.model_name)
        return replace(self.profile, notes=self.notes.all, environment=named)

    def mark_saved(self, profile: Profile, path: Path) -> None:
        """A file now holds `profile` with its notes; those that were written since are unsaved."""
        self.drop_unsaved()
        self.notes.mark_saved(profile.notes)
        self.path = path
        self.state_changed.emit()

    def keep_unsaved(self, snapshot: Path) -> None:
        """Hold on to an autosaved file or a capture's folder in place of what was there before."""
        self.drop_unsaved()
        self.unsaved_snapshot = snapshot
        self.state_changed.emit()

    def drop_unsaved(self) -> None:
        """Delete the autosaved file, if there is any."""
        if self.unsaved_snapshot is not None:
            discard(self.unsaved_snapshot)
            self.unsaved_snapshot = None

    def show_profile(self, profile: Profile) -> None:
        """Replace the profile; views of the old one are to be dropped, its notes are kept."""
        carried = list(carried_notes(self.notes.all, self.profile, profile))
        self.notes = self._notes_of(profile)
        for note in carried:
            self.notes.take(note)
        self.profile = profile
        self.selection = Selection(profile, self)
        self.counterpart = Counterpart(self)
        self.profile_changed.emit()

    def begin(self, job: Job) -> None:
        self.job = job
        self._stage = ""
        self.error = None
        job.progressed.connect(self._follow)
        self.state_changed.emit()

    @property
    def can_end_early(self) -> bool:
        """Whether its job has a result already, and measures but other sizes of the inputs."""
        is_sweeping = self._stage.startswith(SWEEP_STAGE)
        return self.job is not None and is_sweeping and not self.job.enough.is_set()

    def cancel(self) -> None:
        """End the work: early, where that has a result, and else without any."""
        if self.job is None:
            return
        if self.can_end_early:
            self.job.enough.set()
            self.state_changed.emit()
        else:
            self.job.cancel()

    def end(self, error: TwinscopeError | None = None) -> None:
        self.job = None
        self.error = error
        self.state_changed.emit()
        if error is not None:
            self.failed.emit(error)

    def _notes_of(self, profile: Profile) -> Notes:
        notes = Notes(profile.notes, self)
        notes.changed.connect(self.notes_changed)
        notes.changed.connect(self.state_changed)
        return notes

    def _follow(self, event: object) -> None:
        if isinstance(event, Progress):
            self._stage = event.stage
            self.progressed.emit(event.stage, event.fraction)
        elif isinstance(event, Log):
            self.logged.emit(event.text)
