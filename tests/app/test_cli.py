"""The command line as a person or a script uses it: what it prints, and how it exits."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import main
from profilers import snapshot
from profilers.profile import Diagnostic, Severity
from profilers.runtimes import RUN_MODES
from tests.sample import sample_profile

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.twin"
    snapshot.write(sample_profile(), path)
    return path


def test_info_tells_what_a_model_is_without_running_it(
    torch_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(torch_files / "cnn.pt"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "torch-module"
    assert facts["needs_trust"] is True
    assert any("torch_zoo.Cnn" in call for call in facts["would_call"])
    assert facts["parameters"] == 16


def test_a_model_is_profiled_and_its_figures_are_read_back(
    onnx_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "block.twin"
    arguments = ["profile", str(onnx_files / "block.onnx"), "--mode", "onnxruntime"]
    arguments += ["--input", "tokens=1,16:int64", "--steps", "4", "--warmup", "1"]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["stats", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == told
    assert facts["steps"] == 4
    assert facts["mode"] == "onnxruntime"
    assert facts["fusion_groups"] > 0
    for name in ("framework", "median_step_ns", "slices", "graph_nodes", "peak_bytes"):
        assert facts[name]
    assert set(facts["link_coverage"]) == {"operator_time", "fused_kernel_time", "peak_bytes"}


def test_an_untrusted_pickle_is_refused_and_its_calls_are_named(
    torch_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.twin"
    assert main(["profile", str(torch_files / "cnn.pt"), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "torch_zoo.Cnn" in told
    assert "--trust" in told
    assert not out.exists()


def test_a_signature_that_the_file_lacks_is_refused_and_those_there_are_named(
    onnx_files: Path, tf_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {}
    for path in (onnx_files / "block.onnx", tf_files / "tf1_saved"):
        out = ["--out", str(tmp_path / "x.twin")]
        assert main(["profile", str(path), "--signature", "nope", *out]) == 1
        told[path.name] = capsys.readouterr().err
    assert "block.onnx has no signature 'nope'" in told["block.onnx"]
    assert "none to choose from" in told["block.onnx"]
    assert (
        "tf1_saved has no signature 'nope': it has serving_default, features" in told["tf1_saved"]
    )


def test_stats_for_people(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(sample)]) == 0
    out = capsys.readouterr().out
    assert "median step ns" in out
    assert "8100000" in out


def test_figures_end_with_what_the_run_knows_and_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = (Diagnostic(Severity.WARNING, "Some of it is gone.", "Look elsewhere."),)
    profile, path = replace(sample_profile(), diagnostics=told), tmp_path / "told.twin"
    facts = {"Size of the file": "2 MiB", "Size as TFLite": "1 MiB", "Processor": "x86_64" * 20}
    environment = replace(profile.environment, facts=facts)
    snapshot.write(replace(profile, environment=environment), path)
    assert main(["stats", str(path)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.endswith("Some of it is gone. Look elsewhere.") for line in lines)
    assert any(line.endswith("  Size of the file: 2 MiB") for line in lines)
    assert "Size as TFLite: 1 MiB" in lines
    assert main(["stats", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"] == facts


def test_a_model_is_not_attached_to(
    onnx_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = str(onnx_files / "block.onnx"), str(tmp_path / "x.twin")
    assert main(["profile", model, "--mode", "tf-attach", "--out", out]) == 1
    assert "twinscope attach HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["stats", "compare", "report", "snapshot", "export", "info"])
def test_a_file_that_is_not_there_is_told_in_a_sentence(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"report": ["--out", "x.html"], "snapshot": ["--out", "x.twin"]}
    more["export"] = ["--to", "csv", "--out", "x.csv"]
    assert main([command, str(tmp_path / "lost.twin"), *more.get(command, [])]) == 1
    told = capsys.readouterr().err
    assert "Cannot open lost.twin: No such file" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("kind", "name"), [("chrome", "t.json"), ("csv", "t.csv"), ("png", "t.png")]
)
def test_export_writes_each_format(
    sample: Path, tmp_path: Path, kind: str, name: str, qapp: object
) -> None:
    out = tmp_path / name
    assert main(["export", str(sample), "--to", kind, "--out", str(out)]) == 0
    assert out.stat().st_size > 100


def test_modes_names_a_compiler_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["modes", "--json"]) == 0
    modes = {row["mode"]: row for row in json.loads(capsys.readouterr().out)}
    for mode in ("torch-compile", "torch-aoti"):
        assert not modes[mode]["works"]
        assert "Install the package g++" in modes[mode]["reason"]
    assert modes["torch-eager"]["works"]


def test_modes_tells_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modes", "--json"]) == 0
    modes = {row["mode"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(modes) == {mode.id for mode in RUN_MODES}
    assert modes["onnxruntime"]["works"]


def test_a_window_is_drawn_off_screen(sample: Path, tmp_path: Path, qapp: object) -> None:
    out = tmp_path / "window.png"
    assert main([str(sample), "--screenshot", str(out), "--size", "800x600"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["stats", "does-not-exist.twin"], 1),
        (["info", "does-not-exist"], 1),
        (["profile", "model.onnx"], 2),
        (["profile", "m", "--out", "x", "--steps", "0"], 2),
        (["export", "x.twin", "--to", "nonsense", "--out", "y"], 2),
        (["--nonsense"], 2),
        (["does-not-exist.pt"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_exit_status(arguments: list[str], status: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"TWINSCOPE_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "PATH": "/bin"},
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_reader_that_stops_early_sees_no_traceback(sample: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "app", "stats", str(sample)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_window_and_the_commands_import_no_framework() -> None:
    program = (
        "import sys; import app.window.main_window, app.cli.profile, profilers.opening\n"
        "from views import VIEWS\n"
        "for view in VIEWS: __import__(view.module)\n"
        "print(sorted({'torch', 'tensorflow', 'keras', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
