"""Print how long judging a trace takes: ``python -m tests.benchmarks.bench_trace_health``.

Goal: a tenth of a second for a million slices, so that opening a trace does not feel it.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from profilers.analysis.trace_health import health
from profilers.opening import open_path
from profilers.profile import JsonText, Profile, Slices, Trace

DATA = Path(__file__).parents[3] / "shared" / "data"
_COPIES = 8


def main() -> None:
    opened = open_path(DATA / "mtia_rank_0.json.gz")
    assert isinstance(opened, Profile)
    profile = tiled(opened, _COPIES)
    slices = len(profile.trace.slices)
    fastest_ms = min(_milliseconds(profile) for _ in range(3))
    print(f"{slices:,} slices judged in {fastest_ms:.0f} ms   goal {slices / 1e4:.0f}")


def _milliseconds(profile: Profile) -> float:
    begin = time.perf_counter()
    health(profile)
    return 1000 * (time.perf_counter() - begin)


def tiled(profile: Profile, times: int) -> Profile:
    """The same slices again and again, one copy after the other on tracks of their own."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    rows = np.arange(len(slices) * times)
    copy = rows // len(slices)
    columns = slices.take(rows % len(slices)).columns()
    parent = np.where(columns["parent"] < 0, -1, columns["parent"] + copy * len(slices))
    track = columns["track"] + copy * len(tracks)
    lanes = tracks.take(np.arange(len(tracks) * times) % len(tracks))
    trace = profile.trace
    more = Slices.of(**{**columns, "parent": parent, "track": track})
    return replace(
        profile, trace=Trace(more, lanes, trace.flows, trace.counters, JsonText.blank(len(more)))
    )


if __name__ == "__main__":
    main()
