"""The summary's figures."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextDocumentFragment
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from profilers.analysis.advice import findings
from profilers.profile import Diagnostic, Profile, Severity, StringPool, SweepPoints
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from views.summary.findings import FindingsList
from views.summary.sentences import SentencesLabel
from views.summary.sweep import LineChart
from views.summary.tiles import Tiles
from views.theme import LIGHT


def test_the_figures_tell_the_unprofiled_latency_and_the_overhead(show_view: ShowView) -> None:
    view, _ = show_view("summary", sample_profile(steps=3))
    figures = {figure.label: figure for figure in view.figures}
    assert figures["Step, unprofiled"].value == "8.1 ms"
    assert figures["Step, profiled"].note == "+11 % by profiler"
    assert figures["Fused groups"].value == "4"
    assert figures["FLOPs per step"].note == "4 nodes unknown"
    assert figures["Linked to the graph"].value == "100.0 %"


def test_diagnostics_and_the_environment_are_readable(show_view: ShowView) -> None:
    view, context = show_view("summary")
    texts = [label.text() for label in view.findChildren(QLabel)]
    for diagnostic in context.profile.diagnostics:
        assert any(diagnostic.message in text for text in texts)
    assert context.profile.environment.framework in texts


def test_findings_stand_worst_first_with_sign_count_and_what_to_do(show_view: ShowView) -> None:
    findings = (
        Diagnostic(Severity.INFO, "Slices cross.", "Leave them.", 3_551),
        Diagnostic(Severity.ERROR, "No <b>event</b> & no time.", "Capture again."),
        Diagnostic(Severity.WARNING, "Kernels are missing.", "", 20),
    )
    view, _ = show_view("summary", replace(sample_profile(), diagnostics=findings))
    (listed,) = view.findChildren(FindingsList)
    texts = [label.text() for label in listed.findChildren(QLabel)]
    signs, counts, sentences = texts[0::3], texts[1::3], texts[2::3]
    assert signs == ["✖", "⚠", "ℹ"]
    assert counts == ["", "20 ×", "3,551 ×"]
    shown = [QTextDocumentFragment.fromHtml(each).toPlainText().strip() for each in sentences]
    assert shown == [
        "No <b>event</b> & no time. Capture again.",
        "Kernels are missing.",
        "Slices cross. Leave them.",
    ]
    spoken = [label.accessibleName() for label in listed.findChildren(QLabel)][2::3]
    assert spoken[1] == "Warning 20 × Kernels are missing."


def test_an_inspected_model_has_no_times(show_view: ShowView) -> None:
    view, _ = show_view("summary", Profile("inspected"))
    assert view.figures == ()


def test_other_sizes_are_a_chart_and_a_table(show_view: ShowView) -> None:
    pool = StringPool(sample_profile().strings)
    batch, reason = pool.add("batch"), pool.add("RuntimeError: too large")
    rows = [
        (batch, 1, 1, 2_000_000, 2_500_000, 3 << 20, -1),
        (batch, 4, 4, 4_000_000, 4_500_000, -1, -1),
        (batch, 64, 64, -1, -1, -1, reason),
    ]
    profile = replace(sample_profile(), strings=pool.table(), sweep=SweepPoints.from_rows(rows))
    view, _ = show_view("summary", profile)
    texts = [label.text() for label in view.findChildren(QLabel)]
    for text in ("2 ms", "500", "1,000", "3 MiB", "⚠ RuntimeError: too large"):
        assert text in texts
    charts = view.findChildren(LineChart)
    assert "4: 4 ms" in charts[0].accessibleName()
    assert not charts[0].grab().isNull()


def test_a_finding_picks_what_it_rests_on(show_view: ShowView, qtbot: QtBot) -> None:
    profile = sample_profile()
    found = findings(profile)
    view, context = show_view("summary", profile)
    assert len(view.advice.buttons) == len(found) > 0
    for button, finding in zip(view.advice.buttons, found, strict=True):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        picked = context.selection.picked
        if finding.nodes:
            assert set(picked.nodes.tolist()) == set(finding.nodes)
        else:
            assert set(picked.slices.tolist()) == set(finding.slices)
            assert picked.focus == ("slice", finding.slices[0])


def test_the_first_finding_is_not_cut_off(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("summary")
    view.resize(420, 50)

    def end_of_first() -> int:
        return int(view.advice.y() + view.advice.first_bottom)

    qtbot.waitUntil(lambda: 184 < end_of_first() <= view.height())


def test_tiles_stand_in_more_lines_where_the_view_is_narrow(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, _ = show_view("summary")
    tiles = view.findChild(Tiles)
    labels = [each for each in tiles.findChildren(QLabel) if each.font().bold()]
    assert len(labels) == len(view.figures) > 5
    lines = []
    for width in (1400, 420):
        view.resize(width, 400)
        qtbot.waitUntil(lambda: all(each.width() >= each.sizeHint().width() for each in labels))
        lines.append({each.mapTo(tiles, each.rect().topLeft()).y() for each in labels})
    assert len(lines[0]) < len(lines[1])
    assert view.horizontalScrollBar().maximum() == 0


def test_a_path_in_a_finding_breaks_where_the_column_is_narrow(qtbot: QtBot) -> None:
    path = "/" + "/".join(["site-packages"] * 8) + "/model.py"
    label = SentencesLabel(f"Slow: {path}", f"See {path} & <b>.", LIGHT)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() < 220
    label.show()
    label.setSelection(len("Slow: "), 2 * len(path) - 1)  # a break may follow each sign
    qtbot.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == path
