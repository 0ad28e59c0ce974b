"""What compilers keep is bounded."""

import os
import time
from pathlib import Path

from profilers.kept_caches import bound

_DAY_S = 24 * 3600


def _fill(folder: Path, count: int = 10) -> None:
    """Files of 100 bytes, the first used a day ago and each further one a day earlier."""
    for age in range(count):
        path = folder / f"{age % 3}" / f"used-{age}.so"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100))
        used = time.time() - (age + 1) * _DAY_S
        os.utime(path, (used, used))


def _left(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.so")}


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    _fill(tmp_path)
    bound(tmp_path, 1000)
    assert len(_left(tmp_path)) == 10
    (tmp_path / "looked-at").unlink()
    bound(tmp_path, 500)
    assert _left(tmp_path) == {f"used-{age}.so" for age in range(4)}


def test_what_is_being_written_stays_and_a_day_passes_between_two_looks(tmp_path: Path) -> None:
    _fill(tmp_path)
    new = tmp_path / "new.so"
    new.write_bytes(bytes(2000))
    bound(tmp_path, 500)
    assert _left(tmp_path) == {"new.so"}
    _fill(tmp_path)
    bound(tmp_path, 500)
    assert len(_left(tmp_path)) == 11
