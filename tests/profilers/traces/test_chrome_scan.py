"""The compiled scan and the JSON library read the same from the same text."""

import contextlib
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers import compiled, snapshot
from profilers.compiled.limits import LARGEST_NS, NO_TIME, PADDING
from profilers.compiled.scan_state import M
from profilers.errors import TwinscopeError
from profilers.profile import Profile, StringPool, decode
from profilers.traces import chrome_reader, chrome_windows
from profilers.traces.chrome_json import read
from profilers.traces.chrome_reader import read_events
from profilers.traces.exact_time import microseconds_to_ns
from profilers.traces.text_source import open_text


@contextlib.contextmanager
def reading_by(scan: bool, window: int = chrome_windows.WINDOW_BYTES) -> Iterator[None]:
    """Files of any size are scanned, or none is; in windows of `window` bytes."""
    load = compiled.compile_now if scan else (lambda: None)
    with (
        patch.object(chrome_reader, "SMALL_BYTES", -1),
        patch.object(chrome_reader.compiled, "load", load),
        patch.object(chrome_windows, "WINDOW_BYTES", window),
    ):
        yield


def opened(path: Path, scan: bool, window: int = chrome_windows.WINDOW_BYTES) -> Profile:
    with reading_by(scan, window):
        return read(path, lambda share: None)


def content(profile: Profile) -> dict[str, Any]:
    """Everything that was read, with text in place of rows of strings."""
    strings, trace = profile.strings, profile.trace
    found: dict[str, Any] = {}
    for name, table in (
        ("slices", trace.slices),
        ("tracks", trace.tracks),
        ("flows", trace.flows),
        ("counters", trace.counters),
        ("steps", profile.steps),
    ):
        for each in fields(table):
            values = getattr(table, each.name).tolist()
            if each.metadata["refers"] == "strings":
                values = [strings[row] for row in values]
            found[f"{name}.{each.name}"] = values
    found["start"] = profile.start_unix_ns
    found["diagnostics"] = [(each.message, each.count) for each in profile.diagnostics]
    return found


def assert_same(one: Profile, other: Profile) -> None:
    theirs, ours = content(one), content(other)
    for key, values in theirs.items():
        assert ours[key] == values, key


@pytest.mark.parametrize(
    "file",
    [
        "a100_train_control.json.gz",
        "alexnet.json.gz",
        "cpu_only_rank34.json.gz",
        "df_index_resolver.json.gz",
        "mtia_rank_0.json.gz",
        "sampled_rank0.json.gz",
        "simple_add.json.gz",
        "triton_example.json.gz",
        "v100_resnet_ns.json.gz",
    ],
)
def test_real_traces_are_scanned_as_they_are_decoded(
    shared_data: Path, loops: ModuleType, file: str
) -> None:
    scanned, decoded = opened(shared_data / file, True), opened(shared_data / file, False)
    assert_same(scanned, decoded)
    rows = np.random.default_rng(0).integers(0, len(scanned.trace.slices), 300)
    for row in rows.tolist():
        assert decode(scanned.trace.arguments, row) == decode(decoded.trace.arguments, row)


NAMES = st.one_of(
    st.sampled_from(["aten::mm", "void gemm<float, {1}>(int*)", 'a "quoted" \\ name', "é漢😀", ""]),
    st.text(max_size=90),
)
IDS = st.one_of(st.integers(-5, 2**40), st.sampled_from(["1", "stream 7", "0x7f", "", "07", 'x"y']))
TIMES = st.one_of(
    st.integers(0, 4 * 10**15),
    st.decimals(0, 4 * 10**15, places=3).map(lambda value: Number(str(value))),
    st.decimals(0, 10**6, places=6).map(lambda value: Number(str(value))),
    st.sampled_from(["12.5", "00012", None, True, "soon", [1], {"a": 2}]),
    st.sampled_from(["1e3", "1.5E-3", "-7", "1e400", "0.0005", "0.0015", "1e-30"]).map(
        lambda text: Number(text)
    ),
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["correlation", "External id", "c", "corr", "a}{", "device", 'q"']),
    st.recursive(
        st.one_of(st.integers(0, 2**50), NAMES, st.booleans(), st.none()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["correlation", "name", "]"]), inner, max_size=2)
        ),
        max_leaves=6,
    ),
    max_size=4,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"ph": st.sampled_from([*"XXXXXXBEbeiCstfMN", "", "XX"])},
        optional={
            "name": NAMES,
            "cat": st.sampled_from(["cpu_op", "kernel", "cuda_runtime", "ac2g", "fwdbwd", "Trace"]),
            "pid": IDS,
            "tid": IDS,
            "ts": TIMES,
            "dur": TIMES,
            "id": IDS,
            "args": ARGUMENTS,
            "bp": st.just("e"),
            "n\\ame": st.just("an escaped key"),
            "cname": st.lists(ARGUMENTS, max_size=2),
        },
    ),
    max_size=12,
)


class Number(str):
    """Text that stands in the file without quotes."""


def written(value: Any, draw: Callable[[Any], Any]) -> str:
    """JSON with the blanks, escapes and line breaks that writers differ in."""
    blank = draw(st.sampled_from(["", " ", "\n", "\r\n\t", "   "]))
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (
            f"{written(key, draw)}{blank}:{blank}{written(each, draw)}"
            for key, each in value.items()
        )
        return "{" + blank + f"{blank},".join(pairs) + blank + "}"
    if isinstance(value, list):
        return "[" + f",{blank}".join(written(each, draw) for each in value) + blank + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.data(), st.sampled_from([60, 300, 5000]))
def test_any_events_are_scanned_as_they_are_decoded(
    loops: ModuleType, events: list[dict[str, Any]], data: st.DataObject, window: int
) -> None:
    text = '{"schemaVersion": 1, "traceEvents": ' + written(events, data.draw) + ', "more": [{}]}'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        path.write_text(text, "utf-8", "surrogatepass")
        try:
            decoded = opened(path, False)
        except TwinscopeError as error:
            with pytest.raises(TwinscopeError, match=error.why):
                opened(path, True, window)
            return
        scanned = opened(path, True, window)
        assert_same(scanned, decoded)
        for row in range(len(scanned.trace.slices)):
            assert decode(scanned.trace.arguments, row) == decode(decoded.trace.arguments, row)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.decimals(-(10**16), 10**16, places=3).map(str),
            st.decimals(allow_nan=False, allow_infinity=False).map(str),
            st.from_regex(r"-?[0-9]{1,22}(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
            st.from_regex(r"[-+.eE0-9]{1,8}", fullmatch=True),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_a_time_is_read_to_the_nanosecond_or_not_at_all(
    loops: ModuleType, texts: list[str]
) -> None:
    found = scanned_times(loops, texts)
    assert found == microseconds_to_ns([text.encode() for text in texts]).tolist()
    for text, time_ns in zip(texts, found, strict=True):
        with contextlib.suppress(ArithmeticError):
            exact = round(Decimal(text) * 1000)
            assert time_ns == (exact if abs(exact) <= LARGEST_NS else NO_TIME)


def scanned_times(loops: ModuleType, numbers: list[str]) -> list[int]:
    """What the scan makes of numbers, by the column that they fill."""
    with tempfile.TemporaryDirectory() as folder, reading_by(True):
        path = Path(folder) / "trace.json"
        path.write_text("[" + ",".join(f'{{"ph":"X","ts":{each}}}' for each in numbers) + "]")
        found = read_events(path, StringPool(), lambda share: None, lambda found: None)
    return found.parts[0].slices.start_ns.tolist()


def test_every_truncation_keeps_the_whole_events(
    tmp_path: Path, shared_data: Path, loops: ModuleType
) -> None:
    with gzip.open(shared_data / "triton_example.json.gz") as stream:
        whole = stream.read()
    path = tmp_path / "cut.json"
    before = 0
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        try:
            slices = len(opened(path, True, 4000).trace.slices)
        except TwinscopeError:
            slices = 0
        assert slices >= before
        before = slices
    assert before > 0


def test_damage_never_ends_in_another_error(
    tmp_path: Path, shared_data: Path, loops: ModuleType
) -> None:
    with gzip.open(shared_data / "alexnet.json.gz") as stream:
        whole = stream.read()[:60_000]
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.json"
    for _ in range(150):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), 4).tolist():
            data[place] = int(generator.choice([generator.integers(0, 256), *b'"\\{}[],:0']))
        path.write_bytes(data)
        with contextlib.suppress(TwinscopeError):
            opened(path, True, 5000)


def test_many_names_tracks_and_events_find_room(tmp_path: Path, loops: ModuleType) -> None:
    """More of each than the scan has room for at first, and one name longer than all that."""
    count = 70_000
    events = [
        {"ph": "X", "name": f"name {at}", "cat": "c", "pid": at % 700, "tid": at % 3, "ts": at, "dur": 1}
        for at in range(count)
    ]  # fmt: skip
    events.append({"ph": "X", "name": "long " * 400_000, "pid": 1, "tid": 1, "ts": 1, "dur": 1})
    path = tmp_path / "many.json"
    path.write_text(json.dumps(events))
    profile = opened(path, True)
    slices = profile.trace.slices
    assert len(slices) == count + 1
    assert len(profile.trace.tracks) == 2100
    assert {profile.strings[row] for row in slices.name.tolist()} == {
        str(event["name"]) for event in events
    }


def test_names_that_hash_alike_stay_apart_and_fast(tmp_path: Path, loops: ModuleType) -> None:
    """The seed differs each time, so that no file can be made to fill one slot."""
    seeds = set()
    for _ in range(3):
        scanner = chrome_reader.Scanner(loops)
        seeds.add(int(scanner._marks[M.seed]))
    assert len(seeds) == 3


def test_a_file_goes_over_to_the_scan_in_the_middle(
    tmp_path: Path, shared_data: Path, loops: ModuleType
) -> None:
    path = shared_data / "df_index_resolver.json.gz"
    answers: Iterator[Any] = iter([None, None, None])
    with (
        reading_by(True),
        patch.object(chrome_reader.compiled, "load", lambda: next(answers, loops)),
    ):
        mixed = read(path, lambda share: None)
    assert_same(mixed, opened(path, False))


@pytest.mark.parametrize("packed", [False, True])
def test_arguments_are_found_again_in_a_file_too_large_to_hold(
    tmp_path: Path, loops: ModuleType, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    events = [
        {"ph": "X", "name": "n", "ts": at, "dur": 1, "args": {"at": at, "pad": "x" * 500}}
        for at in range(40_000)
    ]
    path = tmp_path / "trace.json"
    text = json.dumps(events).encode()
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    monkeypatch.setattr(chrome_reader, "HELD_BYTES", 0)
    profile = opened(path, True)
    rows = np.random.default_rng(0).permutation(len(events))[:200].tolist()
    assert [decode(profile.trace.arguments, row)["at"] for row in rows] == rows
    snapshot.write(profile, tmp_path / "kept.twin")
    kept = snapshot.read(tmp_path / "kept.twin")
    assert decode(kept.trace.arguments, 39_999)["at"] == 39_999
    path.write_bytes(b"something else")
    assert "changed" in decode(profile.trace.arguments, 7)["unavailable"]


def test_several_members_of_a_gzip_are_one_text(tmp_path: Path) -> None:
    text = bytes(np.random.default_rng(0).integers(32, 127, 3_000_000, dtype=np.uint8))
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(text[:1_000_000]) + gzip.compress(text[1_000_000:]) + b"\0" * 40)
    source = open_text(path, lambda share: None)
    read, buffer = bytearray(), bytearray(70_001)
    while count := source.fill(memoryview(buffer)):
        read += buffer[:count]
    assert bytes(read) == text
    assert source.piece(2_345_678, 1234) == text[2_345_678 : 2_345_678 + 1234]
    assert source.piece(17, 5) == text[17:22]


def test_windows_are_followed_by_zeros(tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    path.write_bytes(b'[{"ph":"X","ts":1},{"ph":"X","ts":2},{"ph":"X","ts":3}]' * 50)
    with patch.object(chrome_windows, "WINDOW_BYTES", 100):
        windows = list(chrome_windows.Windows(open_text(path, lambda share: None)))
    assert b"".join(window.text for window in windows) == path.read_bytes()
    assert all(not window.buffer[window.size : window.size + PADDING].any() for window in windows)
