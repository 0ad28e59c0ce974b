"""What nobody waits for any more ends in the background."""

import threading
from pathlib import Path

from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from app.document import Document
from app.jobs import Job
from app.running_jobs import RunningJobs
from app.window.main_window import MainWindow
from tests.sample import sample_profile

_LIMIT_S = 20.0  # of a test that fails


class Work:
    """Goes on until it may end, whether it was cancelled or not."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.was_let_go: list[bool] = []

    def __call__(self, job: Job) -> str:
        self.was_let_go.append(self.may_end.wait(_LIMIT_S))
        return "a result"


def test_a_column_closes_while_its_work_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    work = Work()
    document = Document(Path("a.twin"), sample_profile())
    job = Job(work, window.session)
    results: list[object] = []
    document.begin(job)
    window.session.add(document)
    window.session._start(job, results.append)
    window.session.close(document)
    assert window.session.documents == []
    assert not window.session.is_busy
    assert job.cancelled.is_set()
    work.may_end.set()
    qtbot.waitUntil(lambda: not job.is_running)
    assert work.was_let_go == [True]  # closing did not wait for it
    with qtbot.waitSignal(window.session.busy_changed):
        window.session.write(lambda: None, lambda: None)
    assert results == []


def test_the_end_waits_for_what_was_given_up_before(qtbot: QtBot) -> None:
    work, jobs = Work(), RunningJobs()
    results: list[object] = []
    job = Job(work, jobs)
    jobs.start(job, results.append, results.append)
    jobs.give_up(job)
    threading.Timer(0.05, work.may_end.set).start()
    jobs.end()
    assert work.was_let_go == [True]
    assert not job.is_running
    qtbot.waitUntil(lambda: not isValid(job))
    assert results == []
