"""Framework noise in timelines: hidden, packed away, still counted and found, and remembered."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.settings import Settings
from profilers.analysis.framework_noise import framework_noise
from profilers.profile import Profile, SliceKind, StringPool, TrackKind
from profilers.traces.trace_builder import TraceBuilder
from tests.views.conftest import ShowView

LEFT = Qt.MouseButton.LeftButton
US = 1000


@pytest.fixture
def executed() -> Profile:
    """Operators within executor frames, a range that a person made, and a thread of nothing else."""
    pool = StringPool()
    trace = TraceBuilder(pool)
    main = trace.track("python", TrackKind.THREAD, "CPU")
    pooled = trace.track("tf_Compute", TrackKind.THREAD, "CPU")
    trace.slice(main, 0, 100 * US, "step", SliceKind.STEP, "step")
    trace.slice(main, 5 * US, 90 * US, "EagerExecute", SliceKind.OTHER, "other")
    trace.slice(main, 6 * US, 80 * US, "my::own", SliceKind.ANNOTATION, "annotation")
    trace.slice(main, 10 * US, 60 * US, "ExecutorState::Process", SliceKind.OTHER, "other")
    trace.slice(main, 20 * US, 20 * US, "net/conv:Conv2D", SliceKind.OPERATOR, "operator")
    trace.slice(main, 50 * US, 10 * US, "net/relu:Relu", SliceKind.OPERATOR, "operator")
    trace.slice(pooled, 15 * US, 10 * US, "SlinkyThreadPool::Await", SliceKind.OTHER, "other")
    built, _ = trace.build()
    return Profile("executed", pool.table(), built)


def row_of(profile: Profile, name: str) -> int:
    (row,) = np.flatnonzero(profile.trace.slices.name == profile.strings.find(name))
    return int(row)


def lane_under(view: object, row: int) -> int:
    scene = view.scene  # type: ignore[attr-defined]
    band = scene.band_of(int(scene.context.profile.trace.slices.track[row]))
    return int(scene.lane_top(row) - band.top) // scene.heights.lane


def test_only_the_frameworks_own_frames_are_noise(executed: Profile) -> None:
    noise = framework_noise(executed)
    names = executed.trace.slices.name[noise.is_noise]
    assert {executed.strings[name] for name in names} == {
        "EagerExecute",
        "ExecutorState::Process",
        "SlinkyThreadPool::Await",
    }


def test_hiding_packs_the_lanes_and_leaves_out_silent_tracks(
    show_view: ShowView, qtbot: QtBot, executed: Profile
) -> None:
    view, _ = show_view("timeline", executed)
    operator, frame = row_of(executed, "net/conv:Conv2D"), row_of(executed, "EagerExecute")
    assert lane_under(view, operator) == 4
    assert [band.title for band in view.scene.bands] == ["CPU", "python", "tf_Compute"]
    qtbot.mouseClick(view.quiet, LEFT)
    assert lane_under(view, operator) == 2
    assert [band.title for band in view.scene.bands] == ["CPU", "python"]
    box = view.scene.box_of(operator, view.scene.scale(view.canvas.width()))
    assert view.canvas.slice_at(box.center()) == operator
    assert view.scene.box_of(frame, view.scene.scale(view.canvas.width())) is None
    qtbot.keyClick(view.canvas, Qt.Key.Key_H)
    assert not view.quiet.isChecked()
    assert lane_under(view, operator) == 4


def test_hidden_slices_are_drawn_nowhere(
    show_view: ShowView, qtbot: QtBot, executed: Profile
) -> None:
    view, _ = show_view("timeline", executed)
    qtbot.mouseClick(view.quiet, LEFT)
    seen = {
        view.canvas.slice_at(QPointF(x, y))
        for x in range(0, view.canvas.width(), 3)
        for y in range(0, view.canvas.height(), 5)
    }
    noise = set(np.flatnonzero(framework_noise(executed).is_noise).tolist())
    assert seen - {-1} == set(range(len(executed.trace.slices))) - noise


def test_sums_and_search_count_what_is_hidden(
    show_view: ShowView, qtbot: QtBot, executed: Profile
) -> None:
    view, context = show_view("timeline", executed)
    before = view.details.title.text()
    qtbot.mouseClick(view.quiet, LEFT)
    context.selection.pick_time_range(0, 100 * US)
    assert "7 slices" in view.details.title.text()
    assert "7 slices" in before
    view.search.open()
    qtbot.keyClicks(view.search.field, "executorstate")
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return)
    assert view.scene.focused_slice == row_of(executed, "ExecutorState::Process")
    first = view.details.facts.topLevelItem(0)
    assert (first.text(0), "hidden" in first.text(1)) == ("Not drawn", True)


def test_a_trace_without_noise_offers_nothing_to_hide(show_view: ShowView) -> None:
    view, _ = show_view("timeline")
    assert not view.quiet.isVisibleTo(view)


def test_columns_follow_one_choice(show_view: ShowView, qtbot: QtBot, executed: Profile) -> None:
    view, context = show_view("timeline", executed)
    context.preferences.hides_noise = True
    assert view.quiet.isChecked()
    assert view.scene.hides_noise


def test_the_choice_is_kept_between_runs(tmp_path: Path) -> None:
    assert not Settings(tmp_path).hides_noise
    Settings(tmp_path).hides_noise = True
    assert Settings(tmp_path).hides_noise
