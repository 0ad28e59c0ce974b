"""Print how long graphs take to show, beside other viewers: ``python -m tests.benchmarks.bench_graph_peers``.

The same graph goes to each: from opening it until its picture rests. Netron draws every node of an
ONNX file; Model Explorer, like Twinscope, begins with folded boxes. Both run in headless Chromium; the
time until their page has loaded is theirs, as the time until our window stands is not ours here.
They lie in the folder that TWINSCOPE_PEERS names::

    npm install --prefix $TWINSCOPE_PEERS playwright-core
    python -m venv $TWINSCOPE_PEERS/venv
    $TWINSCOPE_PEERS/venv/bin/pip install netron ai-edge-model-explorer
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import onnx
from onnx import TensorProto, helper
from PySide6.QtWidgets import QApplication

from profilers import compiled
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from tests.benchmarks.bench_graph import milliseconds, shown_view
from tests.views.graph_samples import encoder_profile
from views.graph import prepared

_LIMIT_S = 120
_LAYERS = (12, 60, 310, 625, 6_250)
_DRIVER = Path(__file__).with_name("graph_peers.mjs")


def main() -> None:
    _application = QApplication.instance() or QApplication([])
    compiled.compile_now()
    _warm_up()
    peers = _peers()
    ours = f"{'we read':>12}{'we show':>12}"
    print(f"{'nodes':>8}{ours}" + "".join(f"{name:>16}" for name in peers))
    given_up: set[str] = set()
    for layers in _LAYERS:
        profile = encoder_profile(layers)
        with tempfile.TemporaryDirectory() as folder:
            onnx_file, json_file = Path(folder) / "graph.onnx", Path(folder) / "graph.json"
            _write_onnx(profile, onnx_file)
            json_file.write_text(json.dumps(_explorer_graph(profile)))
            cells = [f"{each:,.0f} ms" for each in _ours(onnx_file)]
            for name, show in peers.items():
                told = "-"
                if name not in given_up:
                    taken = show(onnx_file if name == "Netron" else json_file, Path(folder))
                    told = f"{taken:,.0f} ms" if taken else f"not in {_LIMIT_S} s"
                    if taken is None:
                        given_up.add(name)
                cells.append(told)
        told = "".join(f"{cell:>16}" for cell in cells[2:])
        print(f"{len(profile.authored.nodes):>8,}{cells[0]:>12}{cells[1]:>12}{told}", flush=True)


def _warm_up() -> None:
    """Imports and fonts, which the peers' pages have loaded apart as well."""
    with tempfile.TemporaryDirectory() as folder:
        _write_onnx(encoder_profile(1), Path(folder) / "small.onnx")
        _ours(Path(folder) / "small.onnx")


def _ours(file: Path) -> tuple[float, float]:
    """Milliseconds to read the ONNX file with its shapes inferred, and then to show its graph."""
    models: list[ModelFile] = []

    def read() -> None:
        model = open_path(file)
        assert isinstance(model, ModelFile)
        models.append(model)

    def show() -> None:
        prepared.prepare(models[0].preview)
        shown_view(models[0].preview).close()

    return milliseconds(read), milliseconds(show)


def _peers() -> dict[str, Callable[[Path, Path], float | None]]:
    folder = os.environ.get("TWINSCOPE_PEERS")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not folder or not chromium or not shutil.which("node"):
        print("no peers: see the first lines of this file; Chromium and node are needed too")
        return {}
    found: dict[str, Callable[[Path, Path], float | None]]
    found = {"Netron": _netron, "Model Explorer": _model_explorer}
    return {
        name: show
        for name, show in found.items()
        if (Path(folder) / "venv" / "bin" / name.lower().replace(" ", "-")).exists()
    }


def _netron(file: Path, folder: Path) -> float | None:
    port = free_port()
    with serving(["netron", "--port", str(port), "--host", "127.0.0.1", str(file)], port):
        return _drawn(f"http://127.0.0.1:{port}/", "body.default", folder / "netron.png")


def _model_explorer(file: Path, folder: Path) -> float | None:
    port = free_port()
    command = ["model-explorer", "--no_open_in_browser", "--skip_health_check", "--host"]
    data = urllib.parse.quote(json.dumps({"models": [{"url": str(file)}]}))
    with serving([*command, "127.0.0.1", "--port", str(port), str(file)], port):
        url = f"http://127.0.0.1:{port}/?data={data}"
        return _drawn(url, "webgl-renderer canvas", folder / "explorer.png")


@contextmanager
def serving(command: list[str], port: int) -> Iterator[None]:
    program = Path(os.environ["TWINSCOPE_PEERS"]).resolve() / "venv" / "bin" / command[0]
    process = subprocess.Popen(
        [program, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not _answers(port):
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def _drawn(url: str, selector: str, picture: Path) -> float | None:
    """Milliseconds until what `selector` names is drawn and rests; None after the limit."""
    peers = str(Path(os.environ["TWINSCOPE_PEERS"]).resolve())
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
    command = ["node", str(_DRIVER), peers, chromium, url, str(1000 * _LIMIT_S), selector]
    try:
        done = subprocess.run(
            [*command, str(picture)],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S + 60,
            check=False,
        )
        taken: float | None = json.loads(done.stdout.splitlines()[-1])["drawn_ms"]
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return None
    keep = os.environ.get("TWINSCOPE_PEER_PICTURES")
    if keep and picture.exists():
        shutil.copy(picture, Path(keep) / f"{picture.stem}-{round(taken or 0)}.png")
    return taken


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        asking.settimeout(0.2)
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _write_onnx(profile: Profile, path: Path) -> None:
    graph, strings = profile.authored, profile.strings
    names = [strings[name] for name in graph.nodes.name]
    inputs: dict[int, list[int]] = {}
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        inputs.setdefault(target, []).append(source)
    ends = {strings.find("input"), strings.find("output")}
    nodes = [
        helper.make_node(
            "Sum", [f"t{source}" for source in inputs.get(row, [])], [f"t{row}"], name=names[row]
        )
        for row in range(len(names))
        if graph.nodes.operator[row] not in ends
    ]
    given = [row for row in range(len(names)) if not inputs.get(row)]
    last = max(row for row in range(len(names)) if graph.nodes.operator[row] not in ends)

    def value(row: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(f"t{row}", TensorProto.FLOAT, [1, 128, 256])

    built = helper.make_graph(nodes, "encoder", [value(row) for row in given], [value(last)])
    onnx.save(helper.make_model(built), path)


def _explorer_graph(profile: Profile) -> dict[str, object]:
    """Model Explorer's own JSON: a label, and graphs of nodes with namespaces and incoming edges."""
    graph, strings = profile.authored, profile.strings
    incoming: dict[int, list[dict[str, str]]] = {}
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        edges = incoming.setdefault(target, [])
        edges.append(
            {
                "sourceNodeId": str(source),
                "sourceNodeOutputId": "0",
                "targetNodeInputId": str(len(edges)),
            }
        )
    nodes = [
        {
            "id": str(row),
            "label": strings[int(graph.nodes.operator[row])],
            "namespace": strings[int(name)].rpartition("/")[0],
            "incomingEdges": incoming.get(row, []),
        }
        for row, name in enumerate(graph.nodes.name)
    ]
    return {"label": "encoder", "graphs": [{"id": "encoder", "nodes": nodes}]}


if __name__ == "__main__":
    main()
