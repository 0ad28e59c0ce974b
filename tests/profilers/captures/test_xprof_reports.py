"""What xprof's converters make of real captures, in a process of their own."""

import gzip
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
    assert "Step time (ms)" in steps.columns
    longest = max(float(row[steps.columns.index("Step time (ms)")]) for row in steps.rows)
    assert float(steps.facts["Step time, longest (ms)"]) == pytest.approx(longest, abs=0.06)
    operators = report_of(profile, "Framework operators: without idle time")
    names = {row[operators.columns.index("Operation Name")] for row in operators.rows}
    assert "block_1/attention_1/Softmax" in names
    shares = operators.columns.index("Total self-time on Host (%)")
    assert sum(float(row[shares]) for row in operators.rows) == pytest.approx(100, abs=0.5)
    assert not any(each.title.startswith("Roofline") for each in profile.reports)  # no device
    silent = [converter for converter, _ in report_of(profile, "Without figures").rows]
    assert silent == ["Roofline", "HLO operators", "Kernels", "Op profile"]
    for report in profile.reports:
        assert all(len(row) == len(report.columns) for row in report.rows)
        for at in range(len(report.columns)):
            assert any(row[at] not in ("", "0") for row in report.rows)


def test_a_compiled_module_has_its_memory(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn_saved", "tf-xla")
    (memory,) = (each for each in profile.reports if each.title.startswith("Memory of an HLO"))
    parameters = float(memory.facts["Parameters (KiB)"]) * 1024
    assert parameters >= profile.authored.parameters.bytes.sum()
    assert any("f32[3,3,16,32]" in row[0] for row in memory.rows)


def test_reports_are_kept_in_a_snapshot(capture: Capture, tf_files: Path, tmp_path: Path) -> None:
    profile = capture(tf_files / "block.keras", "keras")
    snapshot.write(profile, tmp_path / "block.twin")
    assert snapshot.read(tmp_path / "block.twin").reports == profile.reports


@pytest.mark.parametrize(
    ("name", "opened_as"),
    [
        ("host.xplane.pb", "host.xplane.pb"),
        ("renamed.pb", "renamed.pb"),
        ("host.xplane.pb.gz", "host.xplane.pb.gz"),
        ("plugins/profile/run/host.xplane.pb", ""),
    ],
)
def test_a_trace_has_reports_too_as_a_file_and_as_a_folder(
    capture_folder: CaptureFolder, tf_files: Path, tmp_path: Path, name: str, opened_as: str
) -> None:
    data = (capture_folder(tf_files / "block.keras", "keras") / TRACE_FILE).read_bytes()
    trace = tmp_path / name
    trace.parent.mkdir(parents=True, exist_ok=True)
    trace.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    opened = open_path(tmp_path / opened_as)
    assert isinstance(opened, Profile)
    assert len(report_of(opened, "Overview: steps").rows) == 5


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x0a\x05hello"])
def test_a_file_that_is_no_trace_has_no_reports(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(content)
    assert not any(report.rows for report in xprof_reports(path) if "steps" in report.title)


def reports_from(tool: str, answer: object) -> list[Report]:
    return list(reports_of({"version": "9", "tools": [[tool, "", answer]]}))


def table(labels: list[str], rows: list[list[object]], **figures: str) -> dict[str, object]:
    return {
        "cols": [{"label": label, "id": label} for label in labels],
        "rows": [{"c": [{"v": value} for value in row]} for row in rows],
        "p": figures,
    }


def test_a_roofline_has_each_operator_once_and_its_figures_their_units() -> None:
    labels = ["Operation", "Roofline efficiency (%)", "HBM BW (GiB/s)", "Model FLOP Rate (GFLOP/s)"]
    rows: list[list[object]] = [
        ["dot", 0.0234, 1.5e-5, 1234567.0, True],
        ["dot", 0.0234, 1.5e-5, 1234567.0, False],
    ]
    answer = table([*labels, "Include Infeed/Outfeed"], rows, peak_flop_rate="1.07053e+06")
    (roofline,) = reports_from("roofline_model", answer)
    assert roofline.title == "Roofline"
    assert roofline.facts == {"Peak (GFLOP/s)": "1070530"}
    assert roofline.columns == tuple(labels)
    assert roofline.rows == (("dot", "2.34", "0.000015", "1234567"),)


def test_a_roofline_of_unknown_operators_tells_the_peaks_alone() -> None:
    answer = table(["Operation", "Total Time (us)"], [["Program", 8.0]], peak_hbm_bw="4483.67")
    (roofline,) = reports_from("roofline_model", answer)
    assert (roofline.columns, roofline.rows) == ((), ())
    assert roofline.facts == {"Peak of HBM (GiB/s)": "4483.67"}


def test_links_keep_their_addresses_and_cut_markup_goes() -> None:
    link = 'Use <a href="https://a.example/guide" target="_blank">the guide</a>.'
    cut = "<div class='source' title='" + "/long/path.py:1\n" * 500 + "'>path.py:1</div>"
    (report,) = reports_from("kernel_stats", table(["Advice", "Source"], [[link, cut], ["b", "c"]]))
    assert report.rows[0] == ("Use the guide (https://a.example/guide).", "")


def test_an_op_profile_tells_times_in_microseconds() -> None:
    leaf = {
        "name": "dot.1",
        "xla": {"category": "custom fusion"},
        "metrics": {
            "rawTime": 11_775_000,
            "occurrences": 4,
            "rawFlops": 16_973_824,
            "rawBytesAccessedArray": [1_384_448, 0],
        },
    }
    program = {"name": "jit_model(1)", "metrics": {"rawTime": 11_775_000}, "children": [leaf]}
    answer = {"deviceType": "GPU", "byProgram": {"children": [program]}}
    (report,) = reports_from("op_profile", answer)
    assert report.columns[2] == "Time (us)"
    assert report.rows[1][1:] == ("custom fusion", "11.775", "4", "16973824", "1384448")


def test_an_answer_of_another_form_is_left_out() -> None:
    table = {"cols": [{"label": "Name"}, {"label": "Idle"}], "rows": [{"c": [{"v": "a"}, None]}]}
    told = {
        "version": "9",
        "tools": [["overview_page", "", [7]], ["unheard_of", "", {}], ["kernel_stats", "", table]],
    }
    (report,) = reports_of(told)
    assert report == Report("Kernels", "xprof 9", {}, ("Name",), (("a",),))
