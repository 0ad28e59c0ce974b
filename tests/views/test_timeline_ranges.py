"""Sums of a range by name, category and track, and finding slices by name."""

from itertools import accumulate

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from profilers.profile import Profile, StringPool
from profilers.traces.trace_builder import TraceBuilder
from tests.views.conftest import ShowView
from views.timeline.search import NameIndex


def table_of(view: object) -> dict[str, tuple[str, str]]:
    """Time and slices of each row of the details' sums."""
    columns = view.details.sums.columns  # type: ignore[attr-defined]
    return {
        columns.index(at, 0).data(): (columns.index(at, 1).data(), columns.index(at, 3).data())
        for at in range(columns.rowCount())
    }


def overlapping_profile() -> Profile:
    """Thread main: an outer slice with an inner one, and one that partly overlaps the outer."""
    pool = StringPool()
    builder = TraceBuilder(pool)
    main = builder.track("main", process="python")
    other = builder.track("other", process="python")
    builder.slice(main, 0, 1000, "outer", category="a")
    builder.slice(main, 100, 200, "inner", category="b")
    builder.slice(main, 900, 400, "crossing", category="b")
    builder.slice(other, 500, 100, "inner", category="b")
    builder.slice(other, 700, 0, "mark", category="b")
    trace, _ = builder.build()
    return Profile("overlaps", pool.table(), trace)


def test_a_range_is_summed_by_name_category_and_track(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline", overlapping_profile())
    context.selection.pick_time_range(0, 1200)
    assert table_of(view) == {
        "outer": ("1 µs", "1"),
        "inner": ("300 ns", "2"),
        "crossing": ("300 ns", "1"),
        "mark": ("0 ns", "1"),
    }
    view.details.by.setCurrentIndex(1)
    assert table_of(view) == {"a": ("1 µs", "1"), "b": ("600 ns", "4")}
    view.details.by.setCurrentIndex(2)
    assert table_of(view) == {
        "python · main": ("1.2 µs", "3"),  # the union: nothing counts twice
        "python · other": ("100 ns", "2"),
    }
    assert "2 tracks" in view.details.title.text()
    context.selection.clear()
    assert table_of(view)["python · main"] == ("1.3 µs", "3")


def test_every_name_that_holds_the_words_is_found(show_view: ShowView) -> None:
    view, _ = show_view("timeline")
    profile = view.scene.context.profile
    index = NameIndex(profile)
    for text in ("aten", "ATEN re", "step", "nothing such", " ", "::"):
        words = text.lower().split()
        expected = [
            bool(words) and all(w in name.lower() for w in words) for name in profile.strings
        ]
        assert index.matching(text).tolist() == expected
        rows = index.rows(index.matching(text))
        assert index.count(index.matching(text)) == len(rows)
        starts = profile.trace.slices.start_ns[rows].tolist()
        assert starts == list(accumulate(starts, max))


def test_enter_steps_through_what_was_found(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    view.search.open()
    qtbot.keyClicks(view.search.field, "relu")
    found = int(view.search.count_text.split()[0])
    assert found > 1
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return)
    first = context.selection.picked.focus
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return)
    assert context.selection.picked.focus != first
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert context.selection.picked.focus == first
    assert view.search.count_text.startswith("1 of")
    # Ends without Shift: Qt keeps the modifiers of the last key for the tests that follow.
    qtbot.keyClick(view.search.field, Qt.Key.Key_Return)
    assert view.search.count_text.startswith("2 of")


def test_a_slice_that_partly_overlaps_another_says_so(show_view: ShowView) -> None:
    profile = overlapping_profile()
    view, context = show_view("timeline", profile)
    for name, overlaps in (("outer", False), ("inner", False), ("crossing", True)):
        row = int(np.flatnonzero(profile.trace.slices.name == profile.strings.find(name))[0])
        context.selection.pick_slice(row)
        facts = view.details.facts
        labels = [facts.topLevelItem(at).text(0) for at in range(facts.topLevelItemCount())]
        assert ("Overlap" in labels) == overlaps
