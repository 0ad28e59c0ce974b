"""CUDA memory snapshots: what lived when, who asked for it, and pickles that mean harm."""

import contextlib
import gc
import os
import pickle
import tracemalloc
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
from profilers.analysis.memory.curve import memory_curve
from profilers.compiled.pickle_walk import RULES, SOUND, walk
from profilers.errors import Cancelled, DamagedFile, TwinscopeError
from profilers.opening import open_path
from profilers.profile import NEVER_NS, Profile, decode
from profilers.profile.references import broken_references
from profilers.traces import plain_pickle
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


class Harm:
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
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
        named(b"]" + b"\x85" * 100_000 + b"s}" + b")" + b"\x85" * 100_000 + b"Nss."),  # hashed
        named(b"})\x94" + b"".join(b"h%c\x86\x94" % at for at in range(60)) + b"Nss."),  # doubling
        named(b"\x8f(K\x01\x90s."),  # numbers in a set
        named(b"\x91s."),  # marks that were never put
        named(b"(s."),
        named(b"\x95" + b"\xff" * 7 + b"\x7f" + b"]s."),  # a frame larger than the file
        named(b"L" + b"9" * 10**6 + b"L\ns."),
        named(b"I" + b"9" * 10**6 + b"\ns."),
        named(b"g7\ns."),
        named(b"]p99999999999\ns."),
        named(b"cos\nsystem\n(Vtrue\ntRs."),
        named(b"(Vtrue\nios\nsystem\ns."),
        named(b"\x82\x01s."),  # an extension
        named(b"Pfile\ns."),  # an object elsewhere
        pickle.dumps({"segments": []}),
        pickle.dumps({"segments": 5, "device_traces": {}}),
        pickle.dumps(["device_traces"]),
    ],
)
def test_absurd_pickles_are_refused_at_once(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(TwinscopeError):
        opened(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (named(b"\x8a\x20" + b"\x7f" * 32 + b"s."), "absurd number"),
        (named(b"L" + b"9" * 10**6 + b"L\ns."), "absurd number"),
        (named(b"}))\x85\x85Nss."), "no short text"),
        (named(b"}X\xd0\x07\x00\x00" + b"a" * 2000 + b"Nss."), "no short text"),
        (named(b"cos\nsystem\n(Vtrue\ntRs."), "run code"),
        (named(b"Pfile\ns."), "run code"),
        (named(b"r\xff\xff\xff\x7f]s."), "damaged"),
        (named(b"X\xff\xff\xff\xff"), "too early"),
    ],
)
def test_refusals_say_why(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DamagedFile, match=reason):
        opened(tmp_path, content)


def test_lists_that_hold_one_another_many_times_are_bounded(tmp_path: Path) -> None:
    entries = training(steps=20).entries
    segment = {"device": 0, "total_size": 1, "blocks": [{"size": 1, "state": "inactive"}] * 2000}
    profile = opened(
        tmp_path, {"segments": [segment] * 100_000, "device_traces": [entries] * 50_000}
    )
    assert len(profile.trace.slices) < 200 * len(entries)  # no more than opcodes were written
    assert "holds itself" in messages(profile)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    allocator = Allocator()
    allocator.free(allocator.alloc(512, stack("train.py:main")))
    whole = pickle.dumps(snapshot(allocator))
    for size in range(len(whole)):
        with pytest.raises(TwinscopeError):
            opened(tmp_path, whole[:size])
    assert len(opened(tmp_path, whole).trace.slices) == 3


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
    with patch.object(compiled, "load", lambda: None), patch.object(compiled, "_loaded", None):
        found = opened(tmp_path, content)
    assert found.memory.allocations.bytes.tolist() == expected.memory.allocations.bytes.tolist()


def test_it_needs_no_more_memory_than_was_reckoned(loops: ModuleType) -> None:
    """What a pickle of few bytes builds most of; the smallest allowance that suffices is searched."""
    number, rules = 20_000, np.array(RULES, np.int64)
    for dense in (
        b"]", b"}", b"\x8f", b"(l", b"(t", b"N\x85", b"(d", b"}\x8c\x01aNs", b"]Na", b"(\x91", b"G12345678",
        b"\x8a\x0812345678", b"J1234", b"\x8c\x04\xf0\x9f\x98\x80", b"C\x01a", b"](NNNNNe",
        b"}(\x8c\x01aN\x8c\x01bN\x8c\x01cN\x8c\x01dN\x8c\x01eN\x8c\x01fNu", b"\x8f(\x8c\x01a\x8c\x01b\x90",
        b"N\x94", b"V\xff\n",
        b"X\x00\x04\x00\x00" + b"a" * 1020 + b"\xf0\x9f\x98\x80",  # four bytes a character

    ):  # fmt: skip
        content = b"\x80\x04(" + dense * number + b"l."
        held, low, high = np.frombuffer(content, np.uint8), 0, 1 << 30
        while high - low > 1000:
            middle = (low + high) // 2
            is_enough = loops.walk(held, len(content), rules, middle)[0] == SOUND
            low, high = (low, middle) if is_enough else (middle, high)
        tracemalloc.start()
        kept = pickle.loads(content)
        needed = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(kept) == number
        assert needed <= high * 1.1, dense


def test_too_large_a_pickle_is_refused_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_pickle, "_MEMORY_SHARE", 1e-6)
    with pytest.raises(DamagedFile, match="too large for this machine"):
        opened(tmp_path, snapshot(training(steps=10)))


def test_it_can_be_stopped_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "memory.pickle"
    path.write_bytes(pickle.dumps(snapshot(training(steps=5))))
    told: list[float] = []

    def stop(share: float) -> None:
        told.append(share)
        if share > 0.2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        read(path, stop)
    assert 0.2 < told[-1] <= 0.5
    assert gc.isenabled()


@pytest.mark.parametrize(
    "odd", [[[[]]] * 3, {"a": 1}, "\ud800", 2**70, -(2**70), float("nan"), True, None, b"x", "x" * 10**5]
)  # fmt: skip
@pytest.mark.parametrize(
    "key", ["action", "addr", "size", "stream", "time_us", "frames", "device_free"]
)
def test_values_of_other_types_do_no_harm(tmp_path: Path, key: str, odd: Any) -> None:
    allocator = Allocator()
    allocator.alloc(100, stack("a.py:f"))
    allocator.alloc(200, stack("a.py:f"))
    allocator.entries[0][key] = odd
    profile = opened(tmp_path, {"segments": [], "device_traces": [allocator.entries]})
    twin.write(profile, tmp_path / "kept.twin")
    assert 200 in profile.memory.allocations.bytes.tolist()


def deep(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


def doubled(levels: int) -> list[Any]:
    """A list that holds one list twice, and so on: small to write, endless to print."""
    found: list[Any] = ["a"]
    for _ in range(levels):
        found = [found, found]
    return found


@pytest.mark.parametrize("odd", [pytest.param(deep(300), id="deep"), doubled(100)])
@pytest.mark.parametrize("key", ["filename", "name", "line"])
def test_lists_within_lists_are_never_printed(tmp_path: Path, key: str, odd: Any) -> None:
    frame = {"filename": "a.py", "line": 1, "name": "f", key: odd}
    entry = {"action": "alloc", "addr": 1, "size": 8, "time_us": 5, "frames": [frame, odd]}
    named_so = {**entry, "action": odd, "addr": odd}
    segment = {"device": 0, "total_size": 8, "blocks": [{"size": 8, "state": odd}]}
    profile = opened(
        tmp_path,
        {
            "segments": [segment, odd],
            "device_traces": [[entry, named_so, odd], odd],
            "external_annotations": [{"name": odd, "stage": odd, "time_us": 5}, odd],
            "allocator_settings": {"PYTORCH_CUDA_ALLOC_CONF": odd},
        },
    )
    assert profile.memory.allocations.bytes.tolist() == [8]


def test_deep_nesting_in_an_action_is_no_recursion(tmp_path: Path) -> None:
    action = b"]" * 200_000 + b"a" * 199_999
    entry = b"}(\x8c\x06action" + action + b"\x8c\x04sizeK\x05u"
    content = b"\x80\x04}(\x8c\x08segments]\x8c\x0ddevice_traces]]" + entry + b"aau."
    assert "unknown kind" in messages(opened(tmp_path, content))


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_value_anywhere_is_told_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = snapshot(small_training())
    for _ in range(data.draw(st.integers(1, 3))):
        holder: Any = content
        while True:
            keys = sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = data.draw(st.sampled_from(keys))
            inner = holder[key]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
                break
            holder = inner
        holder[key] = data.draw(_JSON)
    try:
        profile = opened(tmp_path, content)
    except TwinscopeError:
        return
    assert int(profile.memory.counters.allocated_bytes.min(initial=0)) >= 0
    assert int(profile.memory.counters.reserved_bytes.min(initial=0)) >= 0


def small_training() -> Allocator:
    return training(steps=1, layers=2)


def test_sums_of_absurd_sizes_stay_within_64_bits(tmp_path: Path) -> None:
    allocator = Allocator()
    for _ in range(8):
        allocator.alloc(2**60)
        allocator.segment(2**61)
    profile = opened(tmp_path, snapshot(allocator))
    assert int(profile.memory.counters.allocated_bytes.min(initial=0)) >= 0
    assert int(profile.memory.counters.reserved_bytes.min(initial=0)) >= 0
    assert "absurd sizes" in messages(profile)


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


def test_half_of_a_character_in_a_name_can_be_kept(tmp_path: Path) -> None:
    allocator = Allocator()
    allocator.alloc(100, stack("a.py:f\ud800"))
    profile = opened(tmp_path, snapshot(allocator))
    twin.write(profile, tmp_path / "kept.twin")
    assert "f?" in twin.read(tmp_path / "kept.twin").strings[int(profile.trace.slices.name[0])]


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
