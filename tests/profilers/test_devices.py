"""GPUs are found by what NVIDIA's driver leaves in the file system, and by what CUDA may see."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.window.run_dialog import RunDialog
from profilers.devices import Device, devices, driver_names, visible
from profilers.models import ModelFile

INFORMATION = """Model: \t\t NVIDIA H100 80GB HBM3
IRQ:   \t\t 331
GPU UUID: \t GPU-a1b2c3
Video BIOS: \t 96.00.89.00.01
Bus Type: \t PCIe
Device Minor: \t {minor}
GPU Excluded:\t No
"""


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    """Two GPUs, of which this container may use the second."""
    driver, nodes = tmp_path / "gpus", tmp_path / "dev"
    nodes.mkdir()
    for minor, place in ((0, "0000:18:00.0"), (1, "0000:2a:00.0")):
        folder = driver / place
        folder.mkdir(parents=True)
        (folder / "information").write_text(INFORMATION.format(minor=minor))
    (nodes / "nvidia1").touch()
    return driver, nodes


def test_only_gpus_that_may_be_used_count(machine: tuple[Path, Path]) -> None:
    driver, nodes = machine
    assert driver_names(driver, nodes) == ["NVIDIA H100 80GB HBM3"]
    (nodes / "nvidia0").touch()
    assert driver_names(driver, nodes) == ["NVIDIA H100 80GB HBM3"] * 2
    assert driver_names(driver / "none", nodes) is None


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        (None, ["a", "b", "c"]),
        ("", []),
        ("2,0", ["c", "a"]),
        ("1,9,0", ["b"]),
        ("-1", []),
        ("GPU-a1b2c3", [""]),
    ],
)
def test_the_environment_chooses_among_them(setting: str | None, seen: list[str]) -> None:
    assert visible(["a", "b", "c"], setting) == seen


def test_the_dialog_offers_what_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    assert devices()[0] == Device("cpu")
    dialog = RunDialog(ModelFile(tmp_path / "x.pt", "torch-module", "x", "torch", ("torch-eager",)))
    qtbot.addWidget(dialog)
    assert isinstance(dialog.device, QComboBox)
    offered = [dialog.device.itemText(row) for row in range(dialog.device.count())]
    assert offered == [device.id for device in devices()]
