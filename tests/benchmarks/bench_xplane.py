"""Print what opening xplane files costs, beside xprof's own conversion for its trace viewer.

``python -m tests.benchmarks.bench_xplane [FILE...]``; without a file, an XSpace of a million events
(a host thread, two GPU streams with the stats of real kernels, derived lines) is made. Every row is
the best of three runs, each with its own process, so that the highest memory is its own.
"""

import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.profilers.traces.made_xspace import START_NS, MadePlane, MadeSpace

EVENTS = 1_000_000
RUNS = 3
MB = 1e6
_OURS = "open in Twinscope"
_WAYS = (_OURS, "xprof trace_viewer@", "xprof trace_viewer")


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        _run_one(sys.argv[2], Path(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(each) for each in sys.argv[1:]] or [_made(Path(folder))]
        for path in paths:
            _print_costs(path, Path(folder))


def _print_costs(path: Path, folder: Path) -> None:
    copy = (
        folder / "copy" / f"{path.name.removesuffix('.xplane.pb')}.xplane.pb"
    )  # xprof writes beside it
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(path.read_bytes())
    events, size = _event_count(copy), copy.stat().st_size
    print(f"{path.name}: {size / MB:.1f} MB, {events:,} events")
    print(f"  {'':<22}{'seconds':>9}{'Mev/s':>9}{'MB/s':>9}{'peak MB above start':>22}")
    for way in _WAYS:
        rows = [_measured(way, copy) for _ in range(RUNS)]
        seconds, peak = min(row["seconds"] for row in rows), min(row["peak"] for row in rows)
        print(
            f"  {way:<22}{seconds:9.3f}{events / seconds / 1e6:9.2f}{size / MB / seconds:9.0f}"
            f"{peak / MB:22.0f}"
        )


def _measured(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_xplane", "--one", way, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _run_one(way: str, path: Path) -> None:
    work = _opener(path) if way == _OURS else _converter(path, way.split()[1])
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": highest - before}))


def _opener(path: Path) -> Callable[[], object]:
    from profilers import compiled
    from profilers.traces import xplane

    compiled.compile_now()
    importlib.import_module("numpy.ma")  # as whatever else the program opened first has done
    return lambda: xplane.read(path, lambda fraction: None)


def _converter(path: Path, tool: str) -> Callable[[], object]:
    from xprof.convert.raw_to_tool_data import xspace_to_tool_data

    return lambda: xspace_to_tool_data([str(path)], tool, {})


def _event_count(path: Path) -> int:
    from profilers.traces.xplane_proto import parse_space

    space = parse_space(path.read_bytes())
    return sum(len(line.events) for plane in space.planes for line in plane.lines)


def _made(folder: Path) -> Path:
    """A launch, its kernel and a derived operator in turn, with the stats that CUPTI's collector adds."""
    space = MadeSpace()
    host, gpu = space.plane("/host:CPU"), space.plane("/device:GPU:0")
    thread = host.line("python")
    streams = [gpu.line(f"Stream #{number}(Compute)") for number in (16, 17)]
    derived = gpu.line("XLA Ops")
    for number in range(EVENTS // 3):
        start = number * 2000
        _add(host, thread, "cuLaunchKernel", start, 800, number)
        stats = _add(gpu, streams[number & 1], f"fusion_{number % 997}", start + 900, 1500, number)
        for name, value in (("occupancy_min_grid_size", 132), ("context_id", 1)):
            stats.add(metadata_id=gpu.stat_id(name), int64_value=value)
        stats.add(metadata_id=gpu.stat_id("theoretical_occupancy_pct"), double_value=62.5)
        details = gpu.stat_id(f"regs:32 grid:{number % 50},1,1 block:256,1,1")
        stats.add(metadata_id=gpu.stat_id("kernel_details"), ref_value=details)
        _add(gpu, derived, f"fusion.{number % 997}", start + 900, 1500, -1)
    space.started(START_NS)
    return space.write(folder / "made.xplane.pb")


def _add(
    plane: MadePlane, line: object, name: str, start: int, duration: int, correlation: int
) -> object:
    stats = {"correlation_id": correlation} if correlation >= 0 else {}
    return plane.event(line, name, start, duration, **stats).stats


if __name__ == "__main__":
    main()
