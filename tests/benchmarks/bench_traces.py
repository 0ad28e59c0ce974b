"""Print what opening, saving and exporting traces costs, beside plain JSON readers.

``python -m tests.benchmarks.bench_traces TRACE.json.gz...``; each row is the best of three runs.
"""

import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.report import exporter_named
from profilers import snapshot
from profilers.analysis.operators import by_name
from profilers.analysis.stats import statistics
from profilers.traces.chrome_json import read

MB = 1e6


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    for path in map(Path, sys.argv[1:]):
        plain = folder / "trace.json"
        plain.write_bytes(_text(path))
        _print_costs(path, plain, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"highest memory of this process, peers included: {peak:.0f} MiB")


def _print_costs(path: Path, plain: Path, folder: Path) -> None:
    megabytes = plain.stat().st_size / MB
    profile = read(plain, _no_progress)
    twin, export = folder / "trace.twin", folder / "export.json"
    snapshot.write(profile, twin)
    print(f"{path.name}: {megabytes:.1f} MB of JSON, {len(profile.trace.slices):,} slices")
    for what, work in (
        ("open the JSON", lambda: read(plain, _no_progress)),
        ("json.loads alone", lambda: json.loads(plain.read_bytes())),
        ("msgspec.json.decode alone", lambda: msgspec.json.decode(plain.read_bytes())),
        ("export as JSON", lambda: exporter_named("chrome").write(profile, export)),
    ):
        seconds = _best(work)
        print(f"  {what:<28}{seconds:8.3f} s {megabytes / seconds:8.0f} MB/s")
    for what, work in (
        ("save .twin", lambda: snapshot.write(profile, twin)),
        ("open .twin", lambda: snapshot.read(twin)),
        ("operators by name", lambda: by_name(profile)),
        ("statistics", lambda: statistics(profile)),
    ):
        print(f"  {what:<28}{_best(work):8.3f} s")
    packed = len(gzip.compress(plain.read_bytes(), 6)) / MB
    print(f"  .twin {twin.stat().st_size / MB:.2f} MB, the JSON as gzip {packed:.2f} MB")


def _text(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def _no_progress(fraction: float) -> None:
    pass


if __name__ == "__main__":
    main()
