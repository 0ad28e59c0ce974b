"""Print what reading large traces costs, the goals, and what other readers take in the same run.

``python -m tests.benchmarks.bench_traces [--folder DIR] [--peers PYTHON]``: the traces are made from
real ones (../shared/data) in DIR, 3.4 GB, and stay there for the next run. PYTHON is an interpreter
that has the peers: orjson, duckdb, HolisticTraceAnalysis, torch-tb-profiler.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from tests.benchmarks.replicated_trace import replicate
from tests.benchmarks.trace_peers import PEERS

DATA = Path(__file__).parents[3] / "shared" / "data"
MB = 1e6
# What a running program has imported before it opens a file.
_IMPORTED = ("profilers.opening", "profilers.traces.chrome_json", "views.timeline")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "twinscope-bench"
    )
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure[0], Path(arguments.measure[1]))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    small = made(arguments.folder, "kineto_108MB.json", "v100_resnet_ns.json.gz", 108_000_000)
    large = made(arguments.folder, "kineto_1GB.json", "df_index_resolver.json.gz", 1_000_000_000)
    huge = made(arguments.folder, "kineto_10M_events.json", "v100_resnet_ns.json.gz", 2_270_000_000)
    packed = arguments.folder / "kineto_108MB.json.gz"
    if not packed.exists():
        packed.write_bytes(gzip.compress(small.read_bytes(), 6))
    print("goal: 1 GB of Kineto JSON into columns at 500 MB/s or more")
    tell(large, "columns", "profile")
    print(
        "goal: 10 million events, 2.3 GB, from open to first frame in 5 s; first frame within 0.1 s"
    )
    print("      after reading ends; peak memory at most 1.5 times the file")
    tell(huge, "columns", "profile", "frame")
    print("goal: gzip no slower than its decompression with a fast inflate")
    tell(packed, "inflate", "columns", "profile")
    print("peers, on the same file in the same run:")
    tell(small, "columns", "profile", "frame")
    for name in PEERS:
        found = told([arguments.peers, "-m", "tests.benchmarks.trace_peers", name, str(small)])
        print_row(small, name, found)


def made(folder: Path, name: str, source: str, least_bytes: int) -> Path:
    path = folder / name
    if not path.exists():
        copies = replicate(gzip.decompress((DATA / source).read_bytes()), path, least_bytes)
        print(f"made {path}: {copies} times {source}")
    return path


def tell(path: Path, *what: str) -> None:
    """The better of two processes for each thing to measure."""
    for each in what:
        runs = [
            told(
                [
                    sys.executable,
                    "-m",
                    "tests.benchmarks.bench_traces",
                    "--measure",
                    each,
                    str(path),
                ]
            )
            for _ in range(2)
        ]
        print_row(path, f"Twinscope, {each}", min(runs, key=lambda run: run.get("seconds", 1e9)))


def told(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = done.stdout.strip().splitlines()[-1:] or [""]
    try:
        found: dict[str, float] = json.loads(line[0])
    except ValueError:
        return {}
    return found


def print_row(path: Path, what: str, found: dict[str, float]) -> None:
    if not found:
        print(f"  {path.name:<24}{what:<26}  not installed, or failed")
        return
    text_bytes = found.get("text_bytes", path.stat().st_size)
    line = f"  {path.name:<24}{what:<26}{found['seconds']:8.2f} s"
    line += f"{text_bytes / MB / found['seconds']:8.0f} MB/s"
    line += f"   memory {found['bytes'] / text_bytes:4.2f} of the text"
    if "after_s" in found:
        line += f"   first frame {1000 * found['after_s']:.0f} ms after reading"
    print(line, flush=True)


def measure(what: str, path: Path) -> None:
    """Run one thing in this process and print its figures as JSON."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for module in _IMPORTED:
        import_module(module)
    from profilers import compiled

    compiled.compile_now()
    work = {"columns": columns, "profile": profile, "frame": frame, "inflate": inflate}[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    more = work(path)
    seconds = more.pop("seconds", time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "bytes": 1024 * (peak - before), **more}))


def columns(path: Path) -> dict[str, float]:
    from profilers.profile import StringPool
    from profilers.traces.chrome_reader import read_events

    read_events(path, StringPool(), lambda share: None, lambda found: None)
    return text_size(path)


def profile(path: Path) -> dict[str, float]:
    from profilers.opening import open_path

    open_path(path)
    return text_size(path)


def inflate(path: Path) -> dict[str, float]:
    from profilers.traces.text_source import open_text

    text, buffer, size = open_text(path, lambda share: None), bytearray(8 << 20), 0
    while count := text.fill(memoryview(buffer)):
        size += count
    return {"text_bytes": size}


def frame(path: Path) -> dict[str, float]:
    """From the path to the timeline's first frame, as the window does it."""
    from PySide6.QtWidgets import QApplication

    from profilers.opening import open_path
    from profilers.profile import Profile
    from views.axes import TimeAxis, ValueAxis
    from views.context import ViewContext
    from views.selection import Selection
    from views.theme import LIGHT
    from views.timeline import TimelineView

    app = QApplication.instance() or QApplication([])
    began = time.perf_counter()
    opened = open_path(path)
    assert isinstance(opened, Profile)
    read = time.perf_counter()
    slices = opened.trace.slices
    context = ViewContext(opened, Selection(opened), LIGHT, TimeAxis(), ValueAxis())
    context.time_axis.take_extent(0, int((slices.start_ns + slices.duration_ns).max()))
    context.time_axis.fit()
    view = TimelineView(context)
    view.resize(1600, 1000)
    view.show()
    app.processEvents()
    view.canvas.grab()
    end = time.perf_counter()
    return {"seconds": end - began, "after_s": end - read}


def text_size(path: Path) -> dict[str, float]:
    if path.suffix != ".gz":
        return {}
    return {"text_bytes": Path(path.with_suffix("")).stat().st_size}


if __name__ == "__main__":
    main()
