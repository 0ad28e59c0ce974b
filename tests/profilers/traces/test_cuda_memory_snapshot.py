"""CUDA memory snapshots: what lived when, and who asked for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profilers import snapshot as twin
from profilers.analysis.memory.curve import memory_curve
from profilers.profile import NEVER_NS, decode
from tests.profilers.traces.memory_snapshots import (
    BEGIN_US,
    Allocator,
    messages,
    opened,
    snapshot,
    stack,
    training,
)


@pytest.mark.parametrize("protocol", range(6))
def test_what_lives_is_what_a_plain_replay_finds(tmp_path: Path, protocol: int) -> None:
    allocator = training()
    alive: dict[int, int] = {}
    levels = []
    for entry in allocator.entries:
        if entry["action"] == "alloc":
            alive[entry["addr"]] = entry["size"]
        elif entry["action"] == "free_completed":
            del alive[entry["addr"]]
        levels.append(sum(alive.values()))
    profile = opened(tmp_path, snapshot(allocator), protocol)
    counters = profile.memory.counters
    assert counters.allocated_bytes.tolist() == levels
    assert memory_curve(profile).peak_bytes == max(levels)
    still_alive = profile.memory.allocations.freed_ns == NEVER_NS
    assert int(profile.memory.allocations.bytes[still_alive].sum()) == sum(alive.values())
    assert profile.start_unix_ns == BEGIN_US * 1000
    assert profile.environment.device == "cuda:0"


def test_who_asked_for_a_block_is_told_with_its_stack(tmp_path: Path) -> None:
    profile = opened(tmp_path, snapshot(training(steps=1)))
    allocations = profile.memory.allocations
    row = int(np.argmax(allocations.bytes * (allocations.allocated_ns > 0)))
    mark = int(allocations.slice[row])
    assert "alloc · layer" in profile.strings[int(profile.trace.slices.name[mark])]
    told = decode(profile.trace.arguments, mark)
    assert told["bytes"] == allocations.bytes[row]
    assert told["Call stack"].splitlines()[0] == "linear (/lib/torch/nn/functional.py:10)"
    assert "model.py:11" in told["Call stack"]


def test_events_of_one_microsecond_keep_their_order(tmp_path: Path) -> None:
    allocator = Allocator()
    for _ in range(5):
        allocator.free(allocator.alloc(512))
    allocator.wait(1)
    allocator.alloc(1024)
    profile = opened(tmp_path, snapshot(allocator))
    starts = profile.trace.slices.start_ns.tolist()
    assert starts == [*range(15), 1000]
    assert (profile.trace.slices.depth == 0).all()
    assert profile.memory.counters.allocated_bytes.max() == 1024


def test_reserved_memory_is_counted_back_from_the_end(tmp_path: Path) -> None:
    allocator = Allocator()
    first = allocator.segment(100)
    allocator.wait(1)
    allocator.segment(1000)
    allocator.wait(1)
    allocator.drop_segment(first)
    allocator.segments[1 << 50] = 50_000  # there before the recording began
    profile = opened(tmp_path, snapshot(allocator))
    assert profile.memory.counters.reserved_bytes.tolist() == [50_100, 51_100, 51_000]
    assert "49.8 KiB" in profile.environment.facts["Reserved on cuda:0"]


def test_blocks_from_before_the_recording_last_from_its_start(tmp_path: Path) -> None:
    allocator = Allocator()
    old, older = allocator.alloc(300), allocator.alloc(700)
    allocator.entries.clear()  # as a ring buffer does that has wrapped
    allocator.alloc(10)
    allocator.wait(10)
    allocator.free(old)
    profile = opened(tmp_path, snapshot(allocator))
    rows = list(
        zip(
            profile.memory.allocations.allocated_ns.tolist(),
            profile.memory.allocations.freed_ns.tolist(),
            profile.memory.allocations.bytes.tolist(),
            strict=True,
        )
    )
    assert (0, NEVER_NS, 700) in rows
    assert (0, 10_001, 300) in rows
    assert "before the recording begins" in messages(profile)
    assert older in allocator.alive


def test_several_devices_and_running_out_of_memory(tmp_path: Path) -> None:
    one, two = Allocator(0), Allocator(2)
    one.alloc(100)
    two.alloc(200)
    two.out_of_memory(5 << 30, free=1 << 20)
    profile = opened(
        tmp_path,
        {"segments": [*one.held(), *two.held()], "device_traces": [one.entries, [], two.entries]},
    )
    assert profile.environment.device == "cuda:0, cuda:2"
    assert "Memory ran out on cuda:2: 5 GiB were asked for, 1 MiB were left" in messages(profile)


def test_entries_without_times_follow_each_other(tmp_path: Path) -> None:
    allocator = training(steps=1)
    for entry in allocator.entries:
        del entry["time_us"]
    profile = opened(tmp_path, snapshot(allocator))
    assert profile.trace.slices.start_ns.tolist() == [
        1000 * at for at in range(len(allocator.entries))
    ]
    assert "no time" in messages(profile)


def test_odd_entries_are_left_out_and_counted(tmp_path: Path) -> None:
    allocator = Allocator()
    allocator.alloc(100, stack("a.py:f"))
    odd = [
        {"action": "alloc", "addr": -1, "size": 5, "time_us": BEGIN_US},
        {"action": "alloc", "addr": 1, "size": 2**70, "time_us": BEGIN_US},
        {"action": "alloc", "addr": "x", "size": 1.5, "time_us": BEGIN_US},
        "no entry",
        None,
    ]
    again = dict(allocator.entries[0])
    profile = opened(
        tmp_path, {"segments": [{"blocks": 5}, 7], "device_traces": [[*odd, *allocator.entries, again]]}
    )  # fmt: skip
    counts = {each.message: each.count for each in profile.diagnostics}
    assert counts["Entries of the trace cannot be read and are left out."] == 5
    assert counts["Segments cannot be read and are left out."] == 2
    assert any("still alive" in message for message in counts)
    assert len(profile.memory.allocations) == 2


def test_a_snapshot_keeps_it_all(tmp_path: Path) -> None:
    profile = opened(tmp_path, snapshot(training(steps=3)))
    twin.write(profile, tmp_path / "kept.twin")
    kept = twin.read(tmp_path / "kept.twin")
    assert kept.memory.allocations.bytes.tolist() == profile.memory.allocations.bytes.tolist()
    row = int(profile.memory.allocations.slice[-1])
    assert decode(kept.trace.arguments, row) == decode(profile.trace.arguments, row)


def test_expandable_segments_grow_and_shrink(tmp_path: Path) -> None:
    allocators = [Allocator(device) for device in range(2)]
    random = np.random.default_rng(5)
    held, levels = [{}, {}], [[], []]  # type: ignore[var-annotated]
    for _ in range(200):
        for device, allocator in enumerate(allocators):
            if held[device] and random.random() < 0.4:
                address = list(held[device])[int(random.integers(len(held[device])))]
                held[device].pop(address)
                allocator.drop_segment(address)
                allocator.entries[-1]["action"] = "segment_unmap"
            else:
                size = int(random.integers(1, 20)) << 21
                held[device][allocator.segment(size)] = size
                allocator.entries[-1]["action"] = "segment_map"
            levels[device].append(sum(held[device].values()))
            allocator.wait(3)
    content = snapshot(*allocators)
    for segment in content["segments"]:
        segment["is_expandable"] = True
    counters = opened(tmp_path, content).memory.counters
    for device in range(2):
        assert counters.reserved_bytes[200 * device : 200 * (device + 1)].tolist() == levels[device]


def test_thousands_of_events_in_one_microsecond_are_summed_exactly(tmp_path: Path) -> None:
    allocator = Allocator()
    levels, level = [], 0
    for round_ in range(1500):
        address = allocator.alloc(100 + round_)
        level += 100 + round_
        levels.append(level)
        if round_ % 3:
            allocator.free(address)
            level -= 100 + round_
            levels += [level + 100 + round_, level]
        if round_ == 1200:
            allocator.wait(1)
    profile = opened(tmp_path, snapshot(allocator))
    assert profile.memory.counters.allocated_bytes.tolist() == levels
    assert (np.diff(profile.trace.slices.start_ns) >= 0).all()


def test_a_full_recording_is_told(tmp_path: Path) -> None:
    allocator = training(steps=40)
    allocator.entries = allocator.entries[-1000:]
    profile = opened(tmp_path, snapshot(allocator))
    assert "exactly 1,000 events" in messages(profile)
    peak, alive = 0, {}
    for entry in training(steps=40).entries:  # what the whole recording would have shown
        if entry["action"] == "alloc":
            alive[entry["addr"]] = entry["size"]
        elif entry["action"] == "free_completed":
            del alive[entry["addr"]]
        peak = max(peak, sum(alive.values()))
    assert memory_curve(profile).peak_bytes == peak


def test_blocks_count_as_asked_for_and_rounding_is_told(tmp_path: Path) -> None:
    blocks = [
        {"size": 1024, "requested_size": 1000, "state": "active_allocated"},
        {"size": 512, "requested_size": 500, "state": "active_pending_free"},
        {"size": 256, "requested_size": 250, "state": "active_awaiting_free"},
        {"size": 2048, "requested_size": 0, "state": "inactive"},
    ]
    old = {"size": 4096, "state": "active_allocated", "history": [{"real_size": 4000}]}
    segments = [
        {"device": 0, "address": 1 << 30, "total_size": 3840, "blocks": blocks},
        {"device": 0, "address": 1 << 31, "total_size": 4096, "blocks": [old]},
    ]
    profile = opened(tmp_path, {"segments": segments, "device_traces": []})
    assert sorted(profile.memory.allocations.bytes.tolist()) == [250, 500, 1000, 4000]
    facts = profile.environment.facts
    assert "138 B of it lost to rounding" in facts["In use on cuda:0"]
    assert facts["Waiting for other streams on cuda:0"] == "768 B"
    assert "2 KiB (25.8 %) in 1 blocks" in facts["Unused on cuda:0"]


def test_requests_end_blocks_where_completions_were_not_recorded(tmp_path: Path) -> None:
    allocator = training(steps=2)
    content = snapshot(allocator)
    content["device_traces"] = [
        [entry for entry in allocator.entries if entry["action"] != "free_completed"]
    ]
    profile = opened(tmp_path, content)
    alive = profile.memory.allocations.freed_ns == NEVER_NS
    assert int(profile.memory.allocations.bytes[alive].sum()) == sum(allocator.alive.values())


def test_what_was_allocated_while_nothing_was_recorded_begins_after_the_last_free(
    tmp_path: Path,
) -> None:
    allocator = Allocator()
    address = allocator.alloc(100)
    allocator.wait(10)
    allocator.free(address)
    allocator.alive[address] = 100
    profile = opened(tmp_path, snapshot(allocator))
    assert profile.memory.counters.allocated_bytes.max() == 100
    assert memory_curve(profile).peak_bytes == 100


def annotated(entries: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Name, stage and time of two steps with a range within the first."""
    begin, end = entries[0]["time_us"], entries[-1]["time_us"]
    middle = (begin + end) // 2
    return [
        ("ProfilerStep#3", "START", begin), ("## forward ##", "START", begin + 10),
        ("## forward ##", "END", middle - 10), ("ProfilerStep#3", "END", middle),
        ("ProfilerStep#4", "START", middle + 1), ("open", "START", middle + 5),
        ("ProfilerStep#4", "END", end),
    ]  # fmt: skip


@pytest.mark.parametrize("is_apart", [False, True])
def test_ranges_of_the_users_code_are_slices(tmp_path: Path, is_apart: bool) -> None:
    allocator = training(steps=2)
    content, marks = snapshot(allocator), annotated(allocator.entries)
    if is_apart:
        content["external_annotations"] = [
            {"name": name, "stage": stage, "time_us": at, "device": 0} for name, stage, at in marks
        ]
    else:
        content["device_traces"][0] = [
            {
                "action": "user_defined", "addr": 0, "size": 0, "stream": 0, "time_us": at,
                "frames": [{"name": stage, "filename": name, "line": 0}],
            }
            for name, stage, at in marks
        ] + allocator.entries  # fmt: skip
    profile = opened(tmp_path, content)
    slices, strings = profile.trace.slices, profile.strings
    rows = np.flatnonzero(slices.track == 1).tolist()
    begin = marks[0][2]
    found = {
        (strings[int(slices.name[row])], int(slices.start_ns[row]), int(slices.duration_ns[row]))
        for row in rows
    }
    ends = {(name, stage): at for name, stage, at in marks}
    expected = {
        (name, (at - begin) * 1000, (ends.get((name, "END"), marks[-1][2]) - at) * 1000)
        for name, stage, at in marks
        if stage == "START"
    }
    assert found == expected
    inner = next(row for row in rows if strings[int(slices.name[row])] == "## forward ##")
    assert strings[int(slices.name[slices.parent[inner]])] == "ProfilerStep#3"
    assert profile.steps.number.tolist() == [3, 4]
    assert set(slices.step[slices.track == 0].tolist()) >= {0, 1}
    assert "no end" in messages(profile)
    assert len(slices) == len(allocator.entries) + len(rows)
    assert decode(profile.trace.arguments, inner) == {}
    twin.write(profile, tmp_path / "kept.twin")
    assert twin.read(tmp_path / "kept.twin").steps.number.tolist() == [3, 4]


def test_reserved_memory_is_never_negative(tmp_path: Path) -> None:
    allocator = Allocator()
    for size in (100, 1000):
        allocator.drop_segment(allocator.segment(size))
    first = allocator.segment(700)
    content = snapshot(allocator)
    content["segments"] = []  # although one was not released
    profile = opened(tmp_path, content)
    assert first
    assert profile.memory.counters.reserved_bytes.tolist() == [100, 0, 1000, 0, 700]
    assert "fewer than it reserved" in messages(profile)


def test_fragmentation_is_named_where_it_made_memory_run_out(tmp_path: Path) -> None:
    allocator = Allocator()
    for _ in range(8):
        allocator.segment(64 << 20)
    for _ in range(7):
        allocator.out_of_memory(256 << 20, free=1 << 20)
    profile = opened(tmp_path, snapshot(allocator))
    told = [each for each in profile.diagnostics if "ran out" in each.message]
    assert "512 MiB are reserved and unused, the largest piece 64 MiB" in told[0].remedy
    assert sum(each.count for each in told) == 7


@pytest.mark.parametrize(
    ("calls", "asker"),
    [
        (("??:c10::alloc", "/x/torch/nn/linear.py:forward", "/home/me/net.py:run"), "run"),
        (("/pytorch/aten/src/Mm.cpp:mm", "/x/torch/nn/linear.py:forward"), "forward"),
        (("??:c10::alloc", "Objects/call.c:PyObject_Call", "<stdin>:main"), "main"),
        (("none:nn.Module", "none:main"), "nn.Module"),
    ],
)
def test_who_asked_is_the_users_own_code(
    tmp_path: Path, calls: tuple[str, ...], asker: str
) -> None:
    frames = [
        {"filename": call.split(":", 1)[0], "line": 7, "name": call.split(":", 1)[1]}
        for call in (*("??:unwind",) * 90, *calls)
    ] if asker != "nn.Module" else stack(*calls)  # fmt: skip
    allocator = Allocator()
    allocator.alloc(100, frames)
    profile = opened(tmp_path, snapshot(allocator))
    name = profile.strings[int(profile.trace.slices.name[0])]
    assert name.startswith(f"alloc · {asker} (")
    assert len(decode(profile.trace.arguments, 0)["Call stack"].splitlines()) == len(frames)


def test_events_of_one_microsecond_are_no_rounded_times(tmp_path: Path) -> None:
    """They are set 1 ns apart; only quarters of a microsecond look like rounding."""
    allocator = Allocator()
    for _ in range(200):
        allocator.free(allocator.alloc(512))
        allocator.wait(7)
    assert "rounded" not in messages(opened(tmp_path, snapshot(allocator)))
