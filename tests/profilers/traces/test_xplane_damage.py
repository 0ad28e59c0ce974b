"""Unsound xplane files: refused in a sentence, or repaired and counted."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers.errors import DamagedFile, TwinscopeError
from profilers.profile import Profile, decode
from profilers.profile.references import broken_references
from profilers.traces import xplane
from tests.profilers.traces.made_xspace import CLASSES, START_NS, MadePlane, MadeSpace

LARGEST = 2**63 - 1
INT64 = st.integers(-LARGEST - 1, LARGEST)
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(path: Path) -> Profile:
    return xplane.read(path, lambda fraction: None)


def check(profile: Profile) -> None:
    """A profile that nothing which draws or sums it can stumble over."""
    assert broken_references(profile) == []
    slices = profile.trace.slices
    for row in range(min(len(slices), 300)):
        decode(profile.trace.arguments, row)
    if len(slices):
        assert slices.start_ns.min() >= 0
        assert (slices.start_ns + slices.duration_ns >= slices.start_ns).all()


def told(profile: Profile, word: str) -> int:
    return sum(each.count for each in profile.diagnostics if word in each.message)


def full_space() -> MadeSpace:
    """A little of everything."""
    space = MadeSpace()
    host, gpu = space.plane("/host:CPU"), space.plane("/device:GPU:0")
    thread = host.line("python")
    host.event(thread, "train", 0, 900, step_num=1)
    host.event(thread, "cuLaunchKernel", 10, 5, correlation_id=1, _p=3)
    host.event(
        thread, "MemoryAllocation", 12, 0,
        addr=4096, allocation_bytes=64, bytes_allocated=64, allocator_name="GPU_0_bfc", tf_op="a",
    )  # fmt: skip
    gpu.event(gpu.line("Stream #1"), "kernel", 50, 70, correlation_id=1, _c=3, occupancy=0.5)
    gpu.event(gpu.line("_counters_"), "power", 60, 0, watts=90.0)
    space.started(START_NS)
    return space


def one_line(
    folder: Path, fill: Callable[[MadePlane, Any], None], timestamp_ns: int = 0
) -> Profile:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    fill(host, host.line("python", timestamp_ns))
    profile = read(space.write(folder / "line.xplane.pb"))
    check(profile)
    return profile


def test_what_encloses_in_picoseconds_encloses_in_nanoseconds(tmp_path: Path) -> None:
    def fill(host: MadePlane, line: Any) -> None:
        rng = np.random.default_rng(0)
        for number in range(500):
            start, length = number * 10_000, int(rng.integers(2000, 9999))
            inner = int(rng.integers(0, length))
            line.events.add(metadata_id=host.type_id("outer"), offset_ps=start, duration_ps=length)
            line.events.add(
                metadata_id=host.type_id("inner"),
                offset_ps=start + inner,
                duration_ps=length - inner,
            )

    profile = one_line(tmp_path, fill)
    slices = profile.trace.slices
    assert slices.depth.max() == 1  # an overlap would lie beside its neighbour, a level deeper
    inner = np.flatnonzero(slices.name == profile.strings.find("inner"))
    ends = slices.start_ns + slices.duration_ns
    outer = slices.parent[inner]
    assert (ends[inner[outer >= 0]] <= ends[outer[outer >= 0]]).all()


def test_times_are_exact_beyond_a_float(tmp_path: Path) -> None:
    def fill(host: MadePlane, line: Any) -> None:
        line.events.add(metadata_id=host.type_id("late"), offset_ps=LARGEST, duration_ps=LARGEST)
        line.events.add(metadata_id=host.type_id("first"), offset_ps=0, duration_ps=1_999)

    slices = one_line(tmp_path, fill).trace.slices
    assert slices.start_ns.tolist() == [0, LARGEST // 1000]
    assert slices.duration_ns.tolist() == [1, (2 * LARGEST) // 1000 - LARGEST // 1000]


def test_times_before_the_start_move_the_start(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    line = host.line("python")
    line.events.add(metadata_id=host.type_id("early"), offset_ps=-5_500, duration_ps=1_000)
    host.event(line, "work", 10, 20)
    space.started(START_NS)
    profile = read(space.write(tmp_path / "early.xplane.pb"))
    assert profile.trace.slices.start_ns.tolist() == [0, 16]
    assert profile.start_unix_ns == START_NS - 6


def test_negative_durations_are_told(tmp_path: Path) -> None:
    def fill(host: MadePlane, line: Any) -> None:
        for length in (-1, -LARGEST - 1, 5):
            line.events.add(metadata_id=host.type_id("work"), duration_ps=length)

    profile = one_line(tmp_path, fill)
    assert profile.trace.slices.duration_ns.tolist() == [0, 0, 0]
    assert told(profile, "negative duration") == 2


@pytest.mark.parametrize("timestamp_ns", [LARGEST, -LARGEST, 2**62])
def test_a_line_beyond_any_clock_is_left_out_and_told(tmp_path: Path, timestamp_ns: int) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    for at, name in ((timestamp_ns, "far"), (1000, "near")):
        line = host.line(name, at)
        host.event(line, name, 0, 10)
        host.event(line, name, 20, 10)
    space.started(START_NS)
    profile = read(space.write(tmp_path / "far.xplane.pb"))
    check(profile)
    assert {profile.strings[name] for name in profile.trace.slices.name} == {"near"}
    assert told(profile, "36 years") == 2


def test_types_that_are_not_described_are_named_by_number(tmp_path: Path) -> None:
    def fill(host: MadePlane, line: Any) -> None:
        for type_id in (99, 99, -3, 0):
            line.events.add(metadata_id=type_id).stats.add(metadata_id=77, int64_value=1)
        host.event(line, "known", 0, 10)

    profile = one_line(tmp_path, fill)
    names = [profile.strings[name] for name in profile.trace.slices.name]
    assert sorted(names) == ["event -3", "event 0", "event 99", "event 99", "known"]
    assert told(profile, "does not describe") == 4
    assert {"77": 1} in [decode(profile.trace.arguments, row) for row in range(5)]


def test_of_two_types_with_one_id_the_last_counts_as_in_protobuf(tmp_path: Path) -> None:
    def fill(host: MadePlane, line: Any) -> None:
        for name in ("first", "last"):
            host.message.event_metadata.add(key=5).value.name = name
        line.events.add(metadata_id=5)

    profile = one_line(tmp_path, fill)
    assert [profile.strings[name] for name in profile.trace.slices.name] == ["last"]


def test_a_damaged_event_is_left_out_and_told(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    line = host.line("python")
    host.event(line, "aaaa", 1, 1, note="x" * 50)
    host.event(line, "bbbb", 2, 1, note="y" * 50)
    data = space.message.SerializeToString()
    note = data.index(b"y" * 50)
    assert data[note - 1] == 50  # the length of the text
    path = tmp_path / "damaged.xplane.pb"
    path.write_bytes(data[: note - 1] + b"\x7f" + data[note:])
    profile = read(path)
    check(profile)
    assert decode(profile.trace.arguments, 0) == {"note": "x" * 50}
    unreadable = decode(profile.trace.arguments, 1) if len(profile.trace.slices) > 1 else {}
    assert told(profile, "damaged") == 1 or "unreadable" in unreadable


def test_every_cut_is_refused(tmp_path: Path) -> None:
    data = full_space().message.SerializeToString()
    whole = tmp_path / "whole.xplane.pb"
    whole.write_bytes(data)
    check(read(whole))
    sizes = [len(plane.SerializeToString()) for plane in full_space().message.planes]
    cut, opened = tmp_path / "cut.xplane.pb", 0
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        try:
            check(read(cut))
            opened += 1
        except DamagedFile:
            pass
    assert opened == len(sizes) - 1  # a cut between two planes cannot be told from a whole file


@MANY
@given(st.data())
def test_changed_bytes_give_a_profile_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(full_space().message.SerializeToString())
    places = st.integers(0, len(changed) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        changed[place] = value
    path = tmp_path / "changed.xplane.pb"
    path.write_bytes(changed)
    with contextlib.suppress(TwinscopeError):
        check(read(path))


STAT_NAMES = (
    *("correlation_id", "step_num", "_p", "_pt", "_c", "_ct", "hlo_op", "tf_function_call"),
    *("addr", "allocation_bytes", "bytes_allocated", "allocator_name", "profile_start_time"),
)
TYPE_NAMES = (
    *("MemoryAllocation", "MemoryDeallocation", "end: x", "a/b:MatMul", "CudaGraph", "kernel"),
    *("Memset", "NVTX:x", "12", "while.1", ""),
)
PLANES = ("/host:CPU", "/device:GPU:0", "/device:TPU:1", "/device:GPU:99999999999", "x", "")
LINES = (
    "python",
    "Steps",
    "XLA Ops",
    "Async XLA Ops",
    "_counters_",
    "Stream #1",
    "XLA Modules",
    "",
)
STAT_VALUES = (
    st.fixed_dictionaries({"int64_value": INT64 | st.integers(0, 3)})
    | st.fixed_dictionaries({"uint64_value": st.integers(0, 2**64 - 1)})
    | st.fixed_dictionaries({"double_value": st.floats()})
    | st.fixed_dictionaries({"str_value": st.text(max_size=5)})
    | st.fixed_dictionaries({"bytes_value": st.binary(max_size=5)})
    | st.fixed_dictionaries({"ref_value": st.integers(0, 2**64 - 1)})
    | st.just({})
)
STATS = st.lists(st.tuples(st.integers(0, len(STAT_NAMES) + 1), STAT_VALUES), max_size=4)
EVENTS = st.lists(
    st.tuples(st.integers(0, len(TYPE_NAMES) + 1), INT64 | st.integers(0, 9999), INT64, STATS),
    max_size=6,
)
SPACES = st.lists(
    st.tuples(
        st.sampled_from(PLANES),
        st.lists(st.tuples(st.sampled_from(LINES), INT64 | st.just(0), EVENTS), max_size=4),
        STATS,
    ),
    min_size=1,
    max_size=5,
)


@MANY
@given(SPACES)
def test_any_space_gives_a_profile(tmp_path: Path, planes: list[Any]) -> None:
    space = CLASSES["XSpace"]()
    for plane_name, lines, plane_stats in planes:
        plane = space.planes.add(name=plane_name)
        for key, name in enumerate(STAT_NAMES):
            plane.stat_metadata.add(key=key).value.name = name
        for key, name in enumerate(TYPE_NAMES):
            plane.event_metadata.add(key=key).value.name = name
        for key, value in plane_stats:
            plane.stats.add(metadata_id=key, **value)
        for line_name, timestamp_ns, events in lines:
            line = plane.lines.add(name=line_name, timestamp_ns=timestamp_ns)
            for type_id, offset, duration, stats in events:
                event = line.events.add(metadata_id=type_id, offset_ps=offset, duration_ps=duration)
                for key, value in stats:
                    event.stats.add(metadata_id=key, **value)
    path = tmp_path / "any.xplane.pb"
    path.write_bytes(space.SerializeToString())
    check(read(path))
