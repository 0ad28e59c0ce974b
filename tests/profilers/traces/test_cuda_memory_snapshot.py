"""CUDA memory snapshots: what lived when, who asked for it, and pickles that mean harm."""

import contextlib
import os
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers import compiled
from profilers import snapshot as twin
from profilers.analysis.memory_curve import memory_curve
from profilers.compiled.pickle_walk import RULES, walk
from profilers.errors import DamagedFile, TwinscopeError
from profilers.opening import open_path
from profilers.profile import NEVER_NS, Profile, decode
from profilers.profile.references import broken_references
from profilers.traces.cuda_memory_snapshot import read
from tests.profilers.traces.memory_snapshots import BEGIN_US, Allocator, snapshot, stack, training


def opened(folder: Path, content: Any, protocol: int = 4) -> Profile:
    path = folder / "memory.pickle"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    assert not broken_references(profile)
    return profile


def messages(profile: Profile) -> str:
    return " ".join(each.message for each in profile.diagnostics)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
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


class Harm:
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    harmful = {"segments": [], "device_traces": [[Harm()]]}
    with pytest.raises(DamagedFile, match="run code"):
        opened(tmp_path, harmful, protocol)
    assert not (tmp_path / "harm").exists()


def named(body: bytes) -> bytes:
    """A pickle that begins as a memory snapshot does."""
    return b"\x80\x04}\x8c\x08segments" + body


@pytest.mark.parametrize(
    "content",
    [
        named(b"r\xff\xff\xff\x7f]s."),  # a memo of two thousand million places
        named(b"\x8b\xff\xff\xff\x7f"),  # an integer of two GB
        named(b"\x8a\x20" + b"\x7f" * 32 + b"s."),  # one beyond 64 bits
        named(b"(" * 2000 + b"."),
        named(b"X\xff\xff\xff\xff"),
        named(b"\x8e" + b"\xff" * 8),
        named(b"]s"),  # no end
        named(b"h\x07s."),
        pickle.dumps({"segments": []}),
        pickle.dumps({"segments": 5, "device_traces": {}}),
        pickle.dumps(["device_traces"]),
    ],
)
def test_absurd_pickles_are_refused_at_once(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(TwinscopeError):
        opened(tmp_path, content)


def test_lists_that_hold_one_another_many_times_are_bounded(tmp_path: Path) -> None:
    entries = training(steps=20).entries
    segment = {"device": 0, "total_size": 1, "blocks": [{"size": 1, "state": "inactive"}] * 2000}
    profile = opened(
        tmp_path, {"segments": [segment] * 100_000, "device_traces": [entries] * 50_000}
    )
    assert len(profile.trace.slices) < 200 * len(entries)  # no more than opcodes were written
    assert "holds itself" in messages(profile)


def test_every_truncation_is_refused_or_read(tmp_path: Path) -> None:
    whole = pickle.dumps(snapshot(training(steps=1, layers=2)))
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises(TwinscopeError):
            opened(tmp_path, whole[:size])


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_never_ends_in_another_error(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(pickle.dumps(snapshot(training(steps=1, layers=3))))
    places = st.integers(20, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "memory.pickle"
    path.write_bytes(content)
    with contextlib.suppress(TwinscopeError):
        profile = read(path, lambda share: None)
        assert not broken_references(profile)


def test_the_compiled_walk_ends_where_the_plain_one_does(loops: ModuleType) -> None:
    whole = pickle.dumps(snapshot(training(steps=1)))
    random = np.random.default_rng(0)
    table = np.array(RULES, np.int64)
    for _ in range(300):
        content = bytearray(whole)
        for place in random.integers(0, len(content), 2).tolist():
            content[place] = int(random.integers(0, 256))
        plain = walk(bytes(content), len(content), RULES, 1 << 30)
        assert (
            loops.walk(np.frombuffer(bytes(content), np.uint8), len(content), table, 1 << 30)
            == plain
        )


def test_it_is_read_the_same_without_compiled_loops(tmp_path: Path, loops: ModuleType) -> None:
    content = snapshot(training(steps=2))
    expected = opened(tmp_path, content)
    with patch.object(compiled, "load", lambda: None):
        found = opened(tmp_path, content)
    assert found.memory.allocations.bytes.tolist() == expected.memory.allocations.bytes.tolist()
