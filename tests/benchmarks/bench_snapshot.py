"""What a snapshot takes beside the same trace as gzip JSON: ``python -m tests.benchmarks.bench_snapshot``.

Over the real traces of ../shared/data or of a folder that is named. ``bits/time`` is what each begin
and each end take: times in whole nanoseconds are mostly noise, which no encoding makes smaller.
Opening is the median of several times; ``LZMA`` is what unpacking those columns takes of it, and
``saves`` by how much of all columns zstd would take more. ``fixed`` are the bytes of columns
that do not grow with the trace: the manifest, and members' headers in the ZIP. ``--beginnings`` adds
rows for the first 5,000, 10,000 ... events of each trace: names and the fixed part weigh less the
longer a trace is, and a tenth is reached the sooner the fewer bits its times take.
"""

import argparse
import gzip
import json
import lzma
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import zstandard

from profilers import snapshot
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.snapshot.archive import MANIFEST
from profilers.snapshot.parts import without

DATA = Path(__file__).parents[3] / "shared" / "data"
_OPENED = 9
_ZSTD_LEVEL = 17


_FIRST_EVENTS = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--beginnings", action="store_true")
    arguments = parser.parse_args()
    print(f"{'trace':<28} {'slices':>8} {'gzip JSON':>10} {'columns':>9} {'share':>6} {'fixed':>6} "
          f"{'whole':>9} {'share':>6} {'bits/time':>9} {'save s':>7} {'open ms':>8} {'LZMA ms':>8} "
          f"{'saves':>6}")  # fmt: skip
    for path in sorted(arguments.folder.glob("*.json.gz")):
        _print_row(path)
        if arguments.beginnings:
            with tempfile.TemporaryDirectory() as made:
                for beginning in _beginnings(path, Path(made)):
                    _print_row(beginning)


def _beginnings(path: Path, folder: Path) -> Iterator[Path]:
    """The trace cut after some of its events, as gzip JSON."""
    trace = json.loads(gzip.decompress(path.read_bytes()))
    told = [event for event in trace["traceEvents"] if event.get("ph") == "M"]
    timed = [event for event in trace["traceEvents"] if event.get("ph") != "M"]
    timed.sort(key=lambda event: float(event.get("ts", 0)))
    count = _FIRST_EVENTS
    while count < len(timed):
        cut = {**trace, "traceEvents": told + timed[:count]}
        beginning = folder / f"  first {count} events"
        text = json.dumps(cut, separators=(",", ":")).encode()
        beginning.write_bytes(gzip.compress(text, compresslevel=6))
        yield beginning
        count *= 2


def _print_row(path: Path) -> None:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    original = path.stat().st_size
    slices = len(profile.trace.slices)
    with tempfile.TemporaryDirectory() as folder:
        out, bare = Path(folder) / "x.twin", Path(folder) / "columns.twin"
        snapshot.write(without(profile, {"arguments"}), bare)
        columns, fixed = bare.stat().st_size, _fixed_bytes(bare)
        begin = time.perf_counter()
        snapshot.write(profile, out)
        saved_s = time.perf_counter() - begin
        open_ms = _median_ms(lambda: snapshot.read(out))
        weighed = _weighed(out)
        lzma_ms = _median_ms(lambda: [lzma.decompress(data) for data in weighed])
        compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        gain = sum(len(compressor.compress(lzma.decompress(data))) - len(data) for data in weighed)
        whole = out.stat().st_size
        with zipfile.ZipFile(out) as archive:
            times = sum(info.file_size for info in archive.infolist() if "/tour_" in info.filename)
    print(f"{path.name[:28]:<28} {slices:>8} {original:>10} {columns:>9} {columns / original:>6.3f} "
          f"{fixed:>6} {whole:>9} {whole / original:>6.3f} {4 * times / slices:>9.2f} "
          f"{saved_s:>7.2f} {open_ms:>8.1f} {lzma_ms:>8.1f} {gain / columns:>6.1%}")  # fmt: skip


def _median_ms(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(_OPENED):
        begin = time.perf_counter()
        run()
        taken.append(1000 * (time.perf_counter() - begin))
    return median(taken)


def _weighed(path: Path) -> list[bytes]:
    """The columns that LZMA packed."""
    with zipfile.ZipFile(path) as archive:
        members = json.loads(archive.read(MANIFEST))["members"]
        packed = [name for name, entry in members.items() if entry.get("packed") == "lzma"]
        return [archive.read(name) for name in packed if "data" not in members[name]]


def _fixed_bytes(path: Path) -> int:
    """All but the members' own bytes."""
    with zipfile.ZipFile(path) as archive:
        members = sum(info.file_size for info in archive.infolist() if info.filename != MANIFEST)
    return path.stat().st_size - members


if __name__ == "__main__":
    main()
