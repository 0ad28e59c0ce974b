"""CUDA memory snapshots that mean harm, are damaged or hold odd values."""

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
from profilers.compiled.pickle_walk import RULES, SOUND, walk
from profilers.errors import Cancelled, DamagedFile, TwinscopeError
from profilers.profile.references import broken_references
from profilers.traces import plain_pickle
from profilers.traces.cuda_memory_snapshot import read
from tests.profilers.traces.memory_snapshots import (
    Allocator,
    messages,
    opened,
    snapshot,
    stack,
    training,
)


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


def test_half_of_a_character_in_a_name_can_be_kept(tmp_path: Path) -> None:
    allocator = Allocator()
    allocator.alloc(100, stack("a.py:f\ud800"))
    profile = opened(tmp_path, snapshot(allocator))
    twin.write(profile, tmp_path / "kept.twin")
    assert "f?" in twin.read(tmp_path / "kept.twin").strings[int(profile.trace.slices.name[0])]
