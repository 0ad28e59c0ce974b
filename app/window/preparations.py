"""What views ask for first, computed in the background before they are built."""

from collections.abc import Collection
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from app.jobs import Job
from profilers.profile import Profile
from views import ViewSpec


class Preparations(QObject):
    """One preparation at a time; `advanced` tells that another view can be built."""

    advanced = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ready: WeakKeyDictionary[Profile, set[str]] = WeakKeyDictionary()
        self._running: tuple[Job, Profile, ViewSpec] | None = None

    def is_ready(self, spec: ViewSpec, profile: Profile) -> bool:
        return spec.id in self._ready.get(profile, ())

    def want(self, spec: ViewSpec, profile: Profile) -> None:
        """Prepare this unless something else is being prepared."""
        if self._running is not None:
            return
        job = Job(lambda _: spec.make_ready(profile), self)
        job.done.connect(self._end)
        job.failed.connect(self._end)  # was logged; the view tells of it when it is built
        self._running = job, profile, spec
        job.start()

    def keep_to(self, profiles: Collection[Profile]) -> None:
        """Forget what runs for any other profile, without waiting for it."""
        if self._running is not None and self._running[1] not in profiles:
            self._running[0].drop()
            self._running = None

    def _end(self) -> None:
        assert self._running is not None
        job, profile, spec = self._running
        self._running = None
        job.deleteLater()
        self._ready.setdefault(profile, set()).add(spec.id)
        self.advanced.emit()
