"""What xprof's converters make of real captures, in a process of their own."""

import shutil
from pathlib import Path

import pytest

from profilers import snapshot
from profilers.captures.tf.files import TRACE_FILE
from profilers.captures.xplane.xprof_reports import xprof_reports
from profilers.captures.xplane.xprof_tables import reports_of
from profilers.opening import open_path
from profilers.profile import Profile, Report
from tests.conftest import Capture, CaptureFolder


def report_of(profile: Profile, title: str) -> Report:
    return next(each for each in profile.reports if each.title == title)


def test_a_capture_has_the_tables_that_say_something(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "block.keras", "keras")
    steps = report_of(profile, "Overview: steps")
    assert steps.source.startswith("xprof 2.")
    assert len(steps.rows) == 5
    assert steps.columns[0] == "Step number"
    operators = report_of(profile, "Framework operators: without idle time")
    names = {row[operators.columns.index("Operation Name")] for row in operators.rows}
    assert "block_1/attention_1/Softmax" in names
    assert not any(each.title.startswith("Roofline") for each in profile.reports)  # no device
    for report in profile.reports:
        assert all(len(row) == len(report.columns) for row in report.rows)
        for at in range(len(report.columns)):
            assert any(row[at] not in ("", "0") for row in report.rows)


def test_a_compiled_module_has_its_memory(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn_saved", "tf-xla")
    memory = report_of(profile, "Memory of an HLO module")
    parameters = float(memory.facts["Parameters (MiB)"]) * 2**20
    assert parameters >= profile.authored.parameters.bytes.sum()
    assert any("f32[3,3,16,32]" in row[0] for row in memory.rows)


def test_reports_are_kept_in_a_snapshot(capture: Capture, tf_files: Path, tmp_path: Path) -> None:
    profile = capture(tf_files / "block.keras", "keras")
    snapshot.write(profile, tmp_path / "block.twin")
    assert snapshot.read(tmp_path / "block.twin").reports == profile.reports


def test_a_trace_file_has_reports_too(
    capture_folder: CaptureFolder, tf_files: Path, tmp_path: Path
) -> None:
    folder = capture_folder(tf_files / "block.keras", "keras")
    trace = tmp_path / "host.xplane.pb"
    shutil.copyfile(folder / TRACE_FILE, trace)
    opened = open_path(trace)
    assert isinstance(opened, Profile)
    assert len(report_of(opened, "Overview: steps").rows) == 5


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x0a\x05hello"])
def test_a_file_that_is_no_trace_has_no_reports(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(content)
    assert not any(report.rows for report in xprof_reports(path) if "steps" in report.title)


def test_an_answer_of_another_form_is_left_out() -> None:
    table = {"cols": [{"label": "Name"}, {"label": "Idle"}], "rows": [{"c": [{"v": "a"}, None]}]}
    told = {
        "version": "9",
        "tools": [["overview_page", "", [7]], ["unheard_of", "", {}], ["kernel_stats", "", table]],
    }
    (report,) = reports_of(told)
    assert report == Report("Kernels", "xprof 9", {}, ("Name",), (("a",),))
