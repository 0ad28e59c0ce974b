"""The roofline of a real capture of an H100."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from profilers.analysis.peaks import peak_of
from profilers.analysis.roof_points import kernel_points, layer_points, operator_points
from profilers.captures import read_capture
from profilers.profile import MachinePeaks, Profile
from tests.conftest import ROOT, Capture
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from views import VIEWS


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    folder: Path = tmp_path_factory.mktemp("gpu")
    with zipfile.ZipFile(ROOT / "tests" / "data" / "gpu" / "cnn_training.zip") as packed:
        packed.extractall(folder)
    return read_capture(folder)


def test_layers_add_up_to_operators_and_none_is_above_the_roof(profile: Profile) -> None:
    peak = peak_of(profile)
    assert peak is not None
    assert peak.name == "H100 SXM"
    operators, layers = operator_points(profile, peak), layer_points(profile, peak)
    assert 0 < len(layers) <= len(operators)
    assert "conv2d" in operators.titles
    assert len(set(layers.titles)) == len(layers)
    for column in ("flops", "bytes", "time_ns", "least_ns"):
        assert getattr(layers, column).sum() == pytest.approx(getattr(operators, column).sum())
    assert sorted(sum(layers.nodes, ())) == sorted(sum(operators.nodes, ()))
    assert (np.diff(operators.time_ns) <= 0).all()
    allowed = np.minimum(peak.float16, operators.intensity * peak.bandwidth)
    assert (operators.rate <= allowed).all()


def test_a_click_on_a_point_picks_its_nodes(
    show_view: ShowView, qtbot: QtBot, profile: Profile
) -> None:
    view, context = show_view("roofline", profile)
    view.by.setCurrentIndex(1)
    peak = peak_of(profile)
    assert peak is not None
    points = layer_points(profile, peak)
    smallest = len(points) - 1
    at = view.plot.place(smallest)
    assert view.plot.rect().contains(at.toPoint())
    assert view.plot.point_at(QPointF(0, 0)) == -1
    qtbot.mouseClick(view.plot, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert tuple(context.selection.picked.nodes.tolist()) in {
        tuple(sorted(n)) for n in points.nodes
    }
    before = view.plot.grab().toImage()
    context.selection.clear()
    assert view.plot.grab().toImage() != before  # the ring has gone


def test_a_kernel_is_one_point_for_all_that_it_ran_for(
    show_view: ShowView, profile: Profile
) -> None:
    view, _ = show_view("roofline", profile)
    peak = peak_of(profile)
    assert peak is not None
    kernels, operators = kernel_points(profile, peak), operator_points(profile, peak)
    assert len(set(kernels.titles)) == len(kernels) <= len(operators)
    assert kernels.time_ns.sum() == pytest.approx(operators.time_ns.sum())
    names = {profile.strings[row] for row in np.unique(profile.trace.slices.name).tolist()}
    assert set(kernels.titles) <= names
    before = view.plot.grab().toImage()
    view.by.setCurrentIndex(2)
    assert view.plot.grab().toImage() != before


def test_a_processor_has_the_roof_that_was_measured_and_says_so(
    show_view: ShowView, capture: Capture, onnx_files: Path
) -> None:
    run = capture(onnx_files / "cnn.onnx", "onnxruntime")
    spec = next(each for each in VIEWS if each.id == "roofline")
    assert spec.is_blank(run)  # nobody measured
    peaks = MachinePeaks("Some processor", 8e10, 2e10, 1, "onnxruntime", "2026-01-02T03:04", 0.4)
    known = replace(run, environment=replace(run.environment, peaks=peaks))
    assert not spec.is_blank(known)
    view, _ = show_view("roofline", known)
    (told,) = (each.text() for each in view.findChildren(QLabel))
    assert told.startswith("Some processor at ")
    assert "80 GFLOP/s in float32, 20 GB/s (measured on the machine of the run" in told
    assert "while other programs ran" in told
    assert "16 bits" not in told


def test_a_device_of_unknown_peaks_has_no_roof(show_view: ShowView) -> None:
    spec = next(each for each in VIEWS if each.id == "roofline")
    assert spec.is_blank(sample_profile())
    view, _ = show_view("roofline")
    assert not hasattr(view, "plot")


def test_arrow_keys_go_from_point_to_point(
    show_view: ShowView, profile: Profile, qtbot: QtBot
) -> None:
    view, context = show_view("roofline", profile)
    peak = peak_of(profile)
    assert peak is not None
    points = operator_points(profile, peak)
    seen = []
    for _ in range(len(points)):
        qtbot.keyClick(view.plot, Qt.Key.Key_Right)
        seen.append(tuple(context.selection.picked.nodes.tolist()))
    assert set(seen) == {tuple(sorted(each)) for each in points.nodes}
    qtbot.keyClick(view.plot, Qt.Key.Key_Left)
    assert tuple(context.selection.picked.nodes.tolist()) == seen[-2]
