"""What a snapshot takes beside the same trace as gzip JSON: ``python -m tests.benchmarks.bench_snapshot``.

Over the real traces of ../shared/data or of a folder that is named. ``bits/time`` is what each begin
and each end take: times in whole nanoseconds are mostly noise, which no encoding makes smaller.
"""

import sys
import tempfile
import time
import zipfile
from pathlib import Path

from profilers import snapshot
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.snapshot.parts import without

DATA = Path(__file__).parents[3] / "shared" / "data"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    print(f"{'trace':<28} {'slices':>8} {'gzip JSON':>10} {'columns':>9} {'share':>6} "
          f"{'whole':>9} {'share':>6} {'bits/time':>9} {'save s':>7} {'open s':>7}")  # fmt: skip
    for path in sorted(folder.glob("*.json.gz")):
        _print_row(path)


def _print_row(path: Path) -> None:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    original = path.stat().st_size
    columns = snapshot.size_of([without(profile, {"arguments"})])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "x.twin"
        begin = time.perf_counter()
        snapshot.write(profile, out)
        saved = time.perf_counter()
        snapshot.read(out)
        opened = time.perf_counter()
        whole = out.stat().st_size
        with zipfile.ZipFile(out) as archive:
            times = sum(info.file_size for info in archive.infolist() if "/tour_" in info.filename)
    slices = len(profile.trace.slices)
    print(f"{path.name[:28]:<28} {slices:>8} {original:>10} {columns:>9} {columns / original:>6.3f} "
          f"{whole:>9} {whole / original:>6.3f} {4 * times / slices:>9.2f} "
          f"{saved - begin:>7.2f} {opened - saved:>7.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
