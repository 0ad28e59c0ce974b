"""What is open and what is running; knows no widget."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.autosave import Autosave, discard
from app.capturing import captured, run_and_read, with_digest
from app.column_files import open_one
from app.demo import demo_requests
from app.document import Document
from app.jobs import Job
from app.matrix import MatrixRow, RowDone, Variant, run_matrix
from app.note_keeping import NoteKeeper
from app.one_run import OneRun
from app.opening import Opening
from app.quiet import QuietTime
from app.rank_columns import rank_columns
from app.running_jobs import RunningJobs
from app.sharing import Sharing, save_shared
from profilers import snapshot
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.stopping import MOST_ROUNDS
from profilers.captures.joined_ranks import joined_traces
from profilers.errors import Cancelled, TwinscopeError
from profilers.interleaving import measure_in_turns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import parts_of
from profilers.profile import KeptComparison, Profile
from profilers.request import RunRequest
from profilers.scratch import Scratch
from profilers.trust import TrustStore

Done = Callable[[Path], object]


class Session(QObject):
    """Documents in column order, and the jobs that fill them.

    Captures run one after another: two at once would falsify each other's times.
    """

    document_added = Signal(object)
    document_removed = Signal(object)
    comparison_opened = Signal(object, object)  # documents of one file, and how they were compared
    demo_captured = Signal(object, object)  # its two documents
    failed = Signal(object)
    busy_changed = Signal()

    def __init__(self, autosave: Autosave, trust: TrustStore) -> None:
        super().__init__()
        self.documents: list[Document] = []
        self.autosave = autosave
        self.trust = trust
        self.quiet = QuietTime(self)
        self._launcher = Launcher()
        self._scratch = Scratch()
        self._runs = OneRun()
        self._jobs = RunningJobs(self)
        self._jobs.changed.connect(self.busy_changed)
        self._asked = 0
        self.most_rounds = MOST_ROUNDS  # of measuring two models in turns

    @property
    def is_busy(self) -> bool:
        return len(self._jobs) > 0

    def open(self, path: Path) -> None:
        """Open a file, or what a folder stands for, in the background."""
        if path.is_dir():
            work = Job(lambda _: parts_of(path), self)
            self._start(work, self._open_all)
        else:
            self._open_one(path)

    def _open_all(self, paths: list[Path]) -> None:
        for path in paths:
            self._open_one(path)

    def _open_one(self, path: Path) -> None:
        """Recognise and read `path` in the background; a document appears when it is there.

        The document of a large trace appears with its beginning, and is filled when all is read.
        """
        add = partial(self.add, place=self._next_place())
        opening = Opening(path, self, add, self.comparison_opened.emit)

        def fail(error: TwinscopeError) -> None:
            if opening.document is None:
                self.failed.emit(error)
            else:
                self._end_failed(opening.document, error)

        opening.job.progressed.connect(opening.show_beginning)
        self._start(opening.job, opening.finish, fail)

    def show(self, path: Path, profile: Profile) -> None:
        """A column for a profile that is in memory already; `path` names it."""
        self.add(Document(path, profile))

    def run(self, document: Document, request: RunRequest) -> Document:
        """Capture `request`; a document that was run already stays, and a new one stands beside."""
        target = document
        if document.was_run:
            preview = document.model.preview if document.model else document.profile
            target = Document(document.path, preview, document.model, document.sha256)
            self.add(target, after=document)
        target.request = request
        job = Job(lambda job: self._capture(request, job), self)
        self.quiet.watch(job)
        target.begin(job)
        self._start(
            job,
            lambda result: self._finish_capture(target, *result),
            lambda error: self._end_failed(target, error),
        )
        return target

    def measure_in_turns(
        self,
        a: Document,
        b: Document,
        on_done: Callable[[Rounds], object],
        most_rounds: int | None = None,
    ) -> None:
        """Load the models of two captured documents again and measure them in turns."""
        most = most_rounds or self.most_rounds
        requests = a.request, b.request
        if requests[0] is None or requests[1] is None or a.is_busy or b.is_busy:
            return
        first, second = requests[0], requests[1]
        job = Job(lambda job: self._turns(first, second, most, job), self)
        self.quiet.watch(job)
        documents = dict.fromkeys((a, b))
        for document in documents:
            document.begin(job)

        def finish(rounds: Rounds) -> None:
            for document in documents:
                document.end()
            on_done(rounds)

        def fail(error: TwinscopeError) -> None:
            for document in documents:
                self._end_failed(document, error)

        self._start(job, finish, fail)

    def join_ranks(self) -> None:
        """A column in which the columns of several ranks are one profile."""
        found = rank_columns(self.documents)
        if found:
            profiles = [each.profile for each in found]
            self._start(
                Job(lambda _: joined_traces(profiles), self),
                lambda profile: self.show(found[0].path.with_name(profile.name), profile),
            )

    def run_demo(self) -> None:
        """Build the demo models and capture both, side by side."""
        folder = self._scratch.new_folder()
        self._start(
            Job(
                lambda job: [(r, open_one(Path(r.model_path), job)) for r in demo_requests(folder)],
                self,
            ),
            self._run_requests,
        )

    def attach(self, request: RunRequest) -> None:
        """Trace a running process, in a column that goes again where that fails or is cancelled."""
        document = Document(Path(request.model_path), Profile(request.model_path))
        job = Job(lambda job: self._attached(request, job), self)

        def fail(error: TwinscopeError) -> None:
            document.end()
            self.close(document)
            if not isinstance(error, Cancelled):
                self.failed.emit(error)

        document.begin(job)
        self.add(document)
        self._start(job, lambda result: self._finish_capture(document, *result), fail)

    def save(
        self,
        documents: Sequence[Document],
        path: Path,
        sharing: Sharing,
        on_saved: Done,
        comparison: KeptComparison | None = None,
    ) -> None:
        """Write a snapshot in the background; what fails is told through `failed`.

        Documents of which all is saved are then clean and belong to that file.
        """
        profiles = [document.profile_with_notes() for document in documents]

        def settle(_: object) -> None:
            for document, profile in zip(documents, profiles, strict=True):
                if sharing.is_whole and document in self.documents:
                    document.mark_saved(profile, path)
            on_saved(path)

        self._start(Job(lambda job: save_shared(profiles, path, sharing, comparison), self), settle)

    def write(self, write: Callable[[], object], on_done: Callable[[], object]) -> None:
        """Have something written in the background; what fails is told through `failed`."""
        self._start(Job(lambda job: write(), self), lambda _: on_done())

    def restore(self, path: Path) -> None:
        """Open what a crash left: an autosaved snapshot or a finished capture folder.

        It stays where it is if there is no room for a copy.
        """

        def show(result: tuple[Profile, Path]) -> None:
            self._keep(result)
            if result[1] != path:
                discard(path)

        self._start(Job(lambda job: self.autosave.reopened(path), self), show)

    def run_matrix(
        self,
        variants: Sequence[Variant],
        base: RunRequest,
        on_row: Callable[[int, MatrixRow], object],
    ) -> Job:
        """Run a model's variants one after another; `on_row` takes each as it comes to its end.

        The job's progress is the caller's to follow; other captures wait until it ends.
        """

        def tell(number: int, row: MatrixRow) -> None:
            job.report(RowDone(number, row))

        def work(job: Job) -> list[MatrixRow]:
            with self._runs.alone(job):
                return run_matrix(
                    self._launcher, variants, base, self.autosave, tell, job.report, job.cancelled
                )

        job = Job(work, self)
        job.progressed.connect(
            lambda event: on_row(event.number, event.row) if isinstance(event, RowDone) else None
        )
        self._start(job, lambda rows: None, lambda error: None)
        return job

    def open_row(self, row: MatrixRow) -> None:
        """A column for the profile of a row of a matrix, unsaved as any capture is."""
        kept = row.snapshot
        assert kept is not None

        def read(job: Job) -> tuple[Profile, Path]:
            profile = snapshot.read(kept)
            return profile, self.autosave.store(profile)

        self._start(Job(read, self), self._keep)

    def close(self, document: Document) -> None:
        """Drop a document; its capture ends in the background."""
        if document.job is not None:
            self._jobs.give_up(document.job)
            self.quiet.leave(document.job)
            document.job = None
        document.drop_unsaved()
        self.documents.remove(document)
        self.document_removed.emit(document)

    def shut_down(self) -> None:
        """End all work and workers; blocks until they are gone, but not for long."""
        self._jobs.end()
        self._launcher.close()
        self._scratch.close()
        self.autosave.close()

    def _start(
        self,
        job: Job,
        on_done: Callable[[Any], object],
        on_failed: Callable[[TwinscopeError], object] | None = None,
    ) -> None:
        self._jobs.start(job, on_done, on_failed or self.failed.emit)

    def _next_place(self) -> int:
        """Where a document stands that is asked for now."""
        self._asked += 1
        return self._asked

    def add(
        self, document: Document, after: Document | None = None, place: int | None = None
    ) -> None:
        """Insert behind `after`, else where its place is: a small file may be read first."""
        if after is not None:
            document.place = after.place
            at = self.documents.index(after) + 1
        else:
            document.place = self._next_place() if place is None else place
            at = sum(each.place <= document.place for each in self.documents)
        self.documents.insert(at, document)
        NoteKeeper(document, self.autosave, self._start, lambda: document in self.documents)
        self.document_added.emit(document)

    def _run_requests(self, prepared: list[tuple[RunRequest, tuple[ModelFile, str]]]) -> None:
        documents = []
        for request, (model, sha256) in prepared:
            document = Document(model.path, model.preview, model, sha256)
            self.add(document)
            self.run(document, request)
            documents.append(document)

        def go_on() -> None:
            if all(each in self.documents and each.was_run for each in documents):
                self.demo_captured.emit(*documents)

        for document in documents:
            document.profile_changed.connect(go_on)

    def _keep(self, captured: tuple[Profile, Path]) -> None:
        """A column for a profile that only its autosaved file holds."""
        profile, kept = captured
        document = Document(kept, profile)
        document.unsaved_snapshot = kept
        self.add(document)

    def _capture(self, request: RunRequest, job: Job) -> tuple[Profile, Path]:
        with self._runs.alone(job):
            return captured(
                self._launcher, request, self.autosave, job.report, job.cancelled, enough=job.enough
            )

    def _attached(self, request: RunRequest, job: Job) -> tuple[Profile, Path]:
        with self._runs.alone(job):
            return run_and_read(self._launcher, request, self.autosave, job.report, job.cancelled)

    def _turns(self, a: RunRequest, b: RunRequest, most_rounds: int, job: Job) -> Rounds:
        with self._runs.alone(job):
            return measure_in_turns(
                self._launcher,
                with_digest(a),
                with_digest(b),
                most_rounds,
                job.report,
                job.cancelled,
            )

    def _finish_capture(self, document: Document, profile: Profile, folder: Path) -> None:
        document.keep_unsaved(folder)
        document.end()
        document.show_profile(profile)
        self._store(document, profile, folder)

    def _store(self, document: Document, profile: Profile, folder: Path) -> None:
        """Make a snapshot of a capture that is on screen, when no model runs; its folder goes then."""

        def write(job: Job) -> Path:
            with self._runs.alone(job):
                return self.autosave.store(profile, folder)

        def keep(path: Path) -> None:
            if document.unsaved_snapshot == folder:
                document.keep_unsaved(path)
            else:  # saved or closed meanwhile
                discard(path)

        self._start(Job(write, self), keep)

    def _end_failed(self, document: Document, error: TwinscopeError) -> None:
        """A document's work is over; what was cancelled is no failure."""
        if isinstance(error, Cancelled):
            document.end()
        else:
            document.end(error)
