"""Memory of traces that torch.profiler wrote with profile_memory=True, and instants."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from profilers.analysis.memory.curve import memory_curve
from profilers.opening import open_path
from profilers.profile import NEVER_NS, Profile
from profilers.profile.references import broken_references


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def event(ts: float, address: int, size: int, total: int, device: int = 0) -> dict[str, Any]:
    return {
        "ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "pid": 1, "tid": 1, "ts": ts,
        "args": {
            "Device Type": 1, "Device Id": device, "Addr": address, "Bytes": size,
            "Total Allocated": total, "Total Reserved": 4096,
        },
    }  # fmt: skip


def test_the_curve_of_a_real_trace_is_what_the_allocator_counted(shared_data: Path) -> None:
    profile = opened(shared_data / "df_index_resolver.json.gz")
    counters = profile.memory.counters
    assert len(counters) == 28_010  # counted with grep
    assert not broken_references(profile)
    assert {profile.strings[row] for row in counters.device.tolist()} == {"cpu", "cuda:1"}
    for device in np.unique(counters.device).tolist():
        rows = counters.device == device
        curve = memory_curve(profile, device)
        assert curve.peak_bytes == counters.allocated_bytes[rows].max()
        at = np.searchsorted(curve.time_ns, counters.time_ns[rows], "right") - 1
        levels = curve.total_bytes[at]
        # Several events of one microsecond have one level in the curve, the last one's.
        assert (levels == counters.allocated_bytes[rows]).mean() > 0.99
    assert not any("memory" in each.message for each in profile.diagnostics)


def test_what_was_there_before_stays_or_goes(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    slices = [{"ph": "X", "cat": "cpu_op", "name": "op", "pid": 1, "tid": 1, "ts": 0, "dur": 99}]
    path.write_text(
        json.dumps([
            *slices,
            event(10, 7, 100, 1100),
            event(20, 5, -300, 800),  # allocated before the trace begins
            event(30, 7, -100, 700),
        ])
    )  # fmt: skip
    profile = opened(path)
    assert not broken_references(profile)
    allocations = profile.memory.allocations
    rows = zip(
        allocations.allocated_ns.tolist(),
        allocations.freed_ns.tolist(),
        allocations.bytes.tolist(),
        allocations.slice.tolist(),
        strict=True,
    )
    assert sorted(rows) == [
        (0, 20_000, 300, -1),
        (0, NEVER_NS, 700, -1),
        (10_000, 30_000, 100, 0),
    ]
    assert memory_curve(profile).peak_bytes == 1100


def test_a_block_ends_at_the_latest_where_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(
        json.dumps([
            {"ph": "X", "cat": "cpu_op", "name": "op", "pid": 1, "tid": 1, "ts": 0, "dur": 99},
            event(10, 7, 100, 100),
            event(40, 7, 60, 160),  # freed in between by a thread that is not profiled
            event(50, 7, -60, 100),
        ])
    )  # fmt: skip
    allocations = opened(path).memory.allocations
    ends = zip(allocations.bytes.tolist(), allocations.freed_ns.tolist(), strict=True)
    assert sorted(ends) == [(60, 50_000), (100, 40_000)]


def test_instants_are_marks_on_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    instants = [
        {"ph": "i", "name": "checkpoint", "pid": 1, "tid": 1, "ts": 5, "s": "t", "args": {"a": 1}},
        {"ph": "I", "name": "old style", "pid": 1, "tid": 1, "ts": 500},
        {"ph": "i", "name": "Record Window End", "pid": "", "tid": "", "ts": 900, "s": "g"},
    ]
    slices = [{"ph": "X", "name": "op", "pid": 1, "tid": 1, "ts": 0, "dur": 99}]
    path.write_text(json.dumps([*slices, *instants]))
    profile = opened(path)
    table = profile.trace.slices
    names = [profile.strings[row] for row in table.name.tolist()]
    assert names == ["op", "checkpoint", "old style"]
    assert table.duration_ns.tolist() == [99_000, 0, 0]
    assert table.depth.tolist() == [0, 1, 0]
    assert json.loads(profile.trace.arguments.text(1)) == {"a": 1}
    assert len(profile.trace.tracks) == 1
