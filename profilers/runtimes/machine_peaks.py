"""What the processors of this machine reach at most, measured once and kept.

A large matrix product in float32 by the framework of the run tells operations per second, a copy of
more than fits into caches bytes per second, both on as many threads as the run has. The best of
several tries counts. What was measured lies in a JSON of the user's cache folder, by processor, threads
and framework, with its date; where other programs had the processors it is tried again later.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from profilers.profile import MachinePeaks
from profilers.request import PEAKS_FILE
from profilers.runtimes.matrix_products import MATRIX_PRODUCTS
from profilers.runtimes.processor_wait import WaitMeter

_LONGEST_S = 0.3  # of tries of each kind
_FEWEST = 3
_SIZES = (512, 1024, 2048, 4096)  # of square matrices
_WORTH_TIMING_S = 0.02  # one product should take so long
_COPIED_BYTES = 128 << 20
_BUSY = 0.1  # share of waiting for a processor from which on a measurement is tried again
_TRIED_AGAIN_S = 600


def machine_peaks(framework: str, threads: int) -> MachinePeaks:
    """Of this machine; unknown where the framework cannot tell and no other has been asked.

    Parameters
    ----------
    framework : str
        As `RunMode.framework` names it; it has been imported.
    threads : int
        That the run had.
    """
    kept = _kept()
    key = f"{processor_name()} | {threads} | {framework}"
    known = kept.get(key)
    if known is not None and not _is_worth_another_try(known):
        return known
    product = MATRIX_PRODUCTS.get(framework)
    found = product(threads) if product is not None else None
    if found is None:
        return known or _of_another_framework(kept, threads)
    measured = _measured(found, framework, threads)
    if known is not None:
        measured = replace(
            measured,
            float32=max(measured.float32, known.float32),
            bandwidth=max(measured.bandwidth, known.bandwidth),
        )
    _keep({**kept, key: measured})
    return measured


def processor_name() -> str:
    """What the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _measured(product: Callable[[int], None], framework: str, threads: int) -> MachinePeaks:
    wait = WaitMeter()
    rate = _operations_per_second(product)
    bandwidth = _bytes_per_second(threads)
    return MachinePeaks(
        processor_name(),
        rate,
        bandwidth,
        threads,
        framework,
        datetime.now(UTC).isoformat(timespec="seconds"),
        round(wait.share() or 0.0, 3),
    )


def _operations_per_second(product: Callable[[int], None]) -> float:
    size, shortest = _SIZES[0], 0.0
    for size in _SIZES:
        product(size)
        shortest = _seconds(partial(product, size))
        if shortest >= _WORTH_TIMING_S:
            break
    return float(2 * size**3 / _shortest(partial(product, size), shortest))


def _bytes_per_second(threads: int) -> float:
    """Read and written together, by `threads` copies side by side."""
    source = np.ones(_COPIED_BYTES, np.uint8)
    target = np.ones_like(source)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda part: np.copyto(*part), parts))

        copy()
        return 2 * _COPIED_BYTES / _shortest(copy)


def _shortest(call: Callable[[], object], known: float = np.inf) -> float:
    begin, count = time.perf_counter(), 0
    while count < _FEWEST or time.perf_counter() - begin < _LONGEST_S:
        known = min(known, _seconds(call))
        count += 1
    return known


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _is_worth_another_try(known: MachinePeaks) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(known.measured_on)
    except (ValueError, TypeError):
        return True
    return known.waited > _BUSY and age.total_seconds() > _TRIED_AGAIN_S


def _of_another_framework(kept: dict[str, MachinePeaks], threads: int) -> MachinePeaks:
    here = processor_name()
    alike = [each for each in kept.values() if (each.processor, each.threads) == (here, threads)]
    return max(alike, key=lambda each: each.float32, default=MachinePeaks())


def _kept() -> dict[str, MachinePeaks]:
    path = os.environ.get(PEAKS_FILE)
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
        return {str(key): MachinePeaks.from_json(value) for key, value in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}


def _keep(peaks: dict[str, MachinePeaks]) -> None:
    path = os.environ.get(PEAKS_FILE)
    if not path:
        return
    text = json.dumps({key: asdict(value) for key, value in peaks.items()}, indent=1)
    own = Path(f"{path}.{os.getpid()}")
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(text, encoding="utf-8")
        own.replace(path)
    except OSError:  # a full or foreign disk: measured again next time
        own.unlink(missing_ok=True)
