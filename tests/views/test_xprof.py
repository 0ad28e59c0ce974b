"""Tables of another tool, through the widget."""

from dataclasses import replace

import numpy as np
from PySide6.QtTest import QAbstractItemModelTester

from profilers.profile import Profile, Report
from tests.sample import sample_profile
from tests.views.conftest import ShowView


def with_reports(profile: Profile) -> Profile:
    name = profile.strings[int(profile.authored.nodes.name[3])]
    operators = Report(
        "Operators", "xprof 9", {"Host": "busy"}, ("Name", "Time"), ((name, "10"), ("idle", "9"))
    )
    return replace(profile, reports=(operators, Report("Advice", "xprof 9", {"Next": "rest"})))


def test_a_table_is_shown_in_the_order_of_its_tool(show_view: ShowView) -> None:
    view, _ = show_view("xprof", with_reports(sample_profile()))
    QAbstractItemModelTester(view.table.columns)
    model = view.table.columns
    assert [model.index(row, 1).data() for row in range(2)] == ["10", "9"]
    assert "Host: busy" in view.facts.text()
    model.sort(1)
    assert [model.index(row, 1).data() for row in range(2)] == ["9", "10"]  # as numbers


def test_another_table_is_chosen(show_view: ShowView) -> None:
    view, _ = show_view("xprof", with_reports(sample_profile()))
    view.choice.setCurrentIndex(1)
    assert view.facts.text() == "Next: rest"
    assert view.table.isHidden()


def test_a_row_that_names_a_node_picks_it(show_view: ShowView) -> None:
    view, context = show_view("xprof", with_reports(sample_profile()))
    view.table.selectRow(0)
    assert context.selection.picked.nodes.tolist() == [3]
    view.table.selectRow(1)
    assert np.array_equal(context.selection.picked.nodes, [3])  # it names no node


def test_without_reports_it_says_so(show_view: ShowView) -> None:
    view, _ = show_view("xprof", sample_profile())
    assert not hasattr(view, "table")


def test_figures_are_grouped_and_sentences_have_lines_of_their_own(show_view: ShowView) -> None:
    sentence = "Only 0.0% of device computation is 16 bit, so that more of it could be."
    report = Report(
        "Roofline",
        "xprof 9",
        {"Peak (GFLOP/s)": "1070530", "Precision statement": sentence, "Device type": "GPU"},
        ("Program id", "Total time (us)"),
        (("15246", "12034.8"), ("15246", "7")),
    )
    view, _ = show_view("xprof", replace(sample_profile(), reports=(report,)))
    assert view.facts.text().splitlines() == [
        "Peak (GFLOP/s): 1,070,530   ·   Device type: GPU",
        sentence,
    ]
    model = view.table.columns
    assert [model.index(0, column).data() for column in range(2)] == ["15246", "12,034.8"]


def test_a_wide_view_shows_long_cells_whole(show_view: ShowView) -> None:
    advice = "reading data from files in advance: " + "x" * 80
    report = Report("Advice", "xprof 9", {}, ("Kind", "Advice"), (("host", advice),))
    view, _ = show_view("xprof", replace(sample_profile(), reports=(report,)))
    view.resize(400, 300)
    narrow = view.table.columnWidth(1)
    view.resize(1600, 300)
    assert narrow < view.table.fontMetrics().horizontalAdvance(advice) < view.table.columnWidth(1)
