"""A training loop's own trace in the window: its data loader, and arrows from forward to backward."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.document import Document
from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.profile import Profile, SliceKind
from tests.app.conftest import opened
from tests.conftest import ROOT, Capture
from views.timeline import TimelineView

LOOP = """
import sys, torch
from torch import nn
from torch.profiler import profile, schedule
from torch.utils.data import DataLoader, TensorDataset
torch.set_num_threads(1)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
data = TensorDataset(torch.randn(32, 1, 8, 8), torch.randint(10, (32,)))
steps = schedule(wait=0, warmup=1, active=2, repeat=1)
with profile(schedule=steps, on_trace_ready=lambda p: p.export_chrome_trace(sys.argv[1])) as p:
    for image, label in DataLoader(data, batch_size=8):
        nn.functional.cross_entropy(model(image), label).backward()
        optimiser.step()
        optimiser.zero_grad()
        p.step()
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loop") / "training.json"
    subprocess.run([sys.executable, "-W", "ignore", "-c", LOOP, str(path)], check=True, cwd=ROOT)
    return path


def rows_named(profile: Profile, name: str) -> list[int]:
    return np.flatnonzero(profile.trace.slices.name == profile.strings.find(name)).tolist()


def timeline_of(window: MainWindow, document: Document) -> TimelineView:
    view = window.board.view(document, "timeline")
    assert isinstance(view, TimelineView)
    return view


def follows_backward(view: TimelineView, qtbot: QtBot, forward: str, backward: str) -> None:
    """The bracket keys go along the arrow from an operator to its derivative and back."""
    context = view.scene.context
    row = next(
        each for each in rows_named(context.profile, forward) if len(view.flows.targets(each))
    )
    before = view.canvas.grab().toImage()
    context.selection.pick_slice(row)
    assert view.canvas.grab().toImage() != before
    qtbot.keyClick(view.canvas, Qt.Key.Key_BracketRight)
    kind, target = context.selection.picked.focus
    name = context.profile.strings[int(context.profile.trace.slices.name[target])]
    assert (kind, name.endswith(backward)) == ("slice", True)
    qtbot.keyClick(view.canvas, Qt.Key.Key_BracketLeft)
    assert context.selection.picked.focus == ("slice", row)


def test_the_data_loader_and_the_optimiser_are_ranges_of_each_step(
    window: MainWindow, qtbot: QtBot, loop: Path
) -> None:
    document = opened(window, qtbot, loop)
    profile, view = document.profile, timeline_of(window, document)
    slices = profile.trace.slices
    assert len(profile.steps) == 2
    for name in (
        "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__",
        "Optimizer.step#SGD.step",
    ):
        rows = rows_named(profile, name)
        assert slices.step[rows].tolist() == [0, 1]
        assert set(slices.kind[rows].tolist()) == {SliceKind.ANNOTATION}
    view.canvas.setFocus()
    qtbot.keyClick(view.canvas, Qt.Key.Key_Slash)
    qtbot.keyClicks(view.search.field, "dataloader")
    assert view.search.count_text == "2 found"
    follows_backward(view, qtbot, "aten::addmm", "AddmmBackward0")


def test_a_training_capture_has_the_same_arrows(
    window: MainWindow, qtbot: QtBot, capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    profile = capture(
        torch_files / "cnn.pt",
        "torch-eager",
        source_folder=str(ROOT / "tests" / "models"),
        options={"run": "training"},
    )
    path = tmp_path / "cnn.twin"
    snapshot.write(profile, path)
    document = opened(window, qtbot, path)
    view = timeline_of(window, document)
    follows_backward(view, qtbot, "aten::convolution", "ConvolutionBackward0")
