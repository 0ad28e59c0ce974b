"""The summary's figures."""

from PySide6.QtWidgets import QLabel

from profilers.profile import Profile
from tests.sample import sample_profile
from tests.views.conftest import ShowView


def test_the_figures_tell_the_unprofiled_latency_and_the_overhead(show_view: ShowView) -> None:
    view, _ = show_view("summary", sample_profile(steps=3))
    figures = {figure.label: figure for figure in view.figures}
    assert figures["Step, unprofiled"].value == "8.1 ms"
    assert figures["Step, profiled"].note == "+11 % by the profiler"
    assert figures["Fused groups"].value == "4"
    assert figures["FLOPs per step"].note == "4 nodes unknown"
    assert figures["Linked to the graph"].value == "100.0 %"


def test_diagnostics_and_the_environment_are_readable(show_view: ShowView) -> None:
    view, context = show_view("summary")
    texts = [label.text() for label in view.findChildren(QLabel)]
    for diagnostic in context.profile.diagnostics:
        assert any(diagnostic.message in text for text in texts)
    assert context.profile.environment.framework in texts


def test_an_inspected_model_has_no_times(show_view: ShowView) -> None:
    view, _ = show_view("summary", Profile("inspected"))
    assert view.figures == ()
