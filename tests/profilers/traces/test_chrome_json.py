"""Chrome trace JSON as real writers produce it, whole, sloppy and damaged."""

import contextlib
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.report import exporter_named
from profilers.analysis.operators import by_name, launching_operator
from profilers.analysis.stats import statistics
from profilers.compiled.limits import NO_TIME
from profilers.errors import DamagedFile, TwinscopeError
from profilers.opening import open_path
from profilers.profile import Profile, SliceKind, Slices, TrackKind, decode
from profilers.traces.chrome_flows import innermost
from profilers.traces.exact_time import microseconds_to_ns
from profilers.traces.nesting import nest
from tests.sample import sample_profile


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def trace_file(folder: Path, events: list[dict[str, Any]] | str, **header: Any) -> Path:
    path = folder / "trace.json"
    text = events if isinstance(events, str) else json.dumps({**header, "traceEvents": events})
    path.write_text(text)
    return path


def complete(name: str, ts: float, dur: float, tid: Any = 1, **more: Any) -> dict[str, Any]:
    return {"ph": "X", "name": name, "pid": 1, "tid": tid, "ts": ts, "dur": dur, **more}


def slices_of(start_ns: np.ndarray, duration_ns: np.ndarray) -> Slices:
    """Slices on one track and nothing else."""
    none = np.full(len(start_ns), -1)
    depth, parent = nest(np.zeros(len(start_ns), np.int64), start_ns, duration_ns)
    return Slices.of(
        start_ns=start_ns, duration_ns=duration_ns, name=none, category=none, kind=none,
        track=np.zeros(len(start_ns)), depth=depth, parent=parent, correlation=none, step=none,
        node=none, group=none,
    )  # fmt: skip


def partly_overlapping(slices: Slices) -> int:
    """How many slices overlap another of their row without lying inside it."""
    under = np.where(slices.parent >= 0, slices.depth[slices.parent] + 1, 0)
    return int((slices.depth != under).sum())


def names(profile: Profile) -> list[str]:
    return [profile.strings[row] for row in profile.trace.slices.name.tolist()]


@pytest.mark.parametrize(
    ("file", "slices", "launches", "steps", "overlaps"),
    [
        ("a100_train_control.json.gz", 74_936, 9_450, 6, 0),
        ("df_index_resolver.json.gz", 123_378, 22_290, 5, 0),
        ("mtia_rank_0.json.gz", 138_370, None, 1, 3_551),
        ("v100_resnet_ns.json.gz", 45_419, 6_095, 5, 0),
    ],
)
def test_real_traces_have_the_slices_launches_and_overlaps_that_were_counted_otherwise(
    shared_data: Path, file: str, slices: int, launches: int | None, steps: int, overlaps: int
) -> None:
    """Counted for each file with a plain json reader and integer arithmetic."""
    profile = opened(shared_data / file)
    assert len(profile.trace.slices) == slices
    assert len(profile.steps) == steps
    assert partly_overlapping(profile.trace.slices) == overlaps
    kinds = [profile.strings[row] for row in profile.trace.flows.kind.tolist()]
    if launches is not None:
        assert kinds.count("launch") == launches


def test_every_kernel_of_a_real_trace_is_launched_by_an_operator_before_it(
    shared_data: Path,
) -> None:
    profile = opened(shared_data / "v100_resnet_ns.json.gz")
    slices = profile.trace.slices
    operators, launched = launching_operator(profile)
    assert len(operators) > 0.95 * (slices.kind == SliceKind.KERNEL).sum()
    assert (slices.start_ns[operators] <= slices.start_ns[launched]).all()
    streams = profile.trace.tracks.kind[slices.track[launched]]
    assert (streams == TrackKind.STREAM).all()


def test_slices_agree_with_a_plain_reader_to_the_nanosecond(shared_data: Path) -> None:
    path = shared_data / "v100_resnet_ns.json.gz"
    with gzip.open(path) as stream:
        plain = json.load(stream, parse_float=Decimal)
    expected = sorted(
        (round(Decimal(event["ts"]) * 1000), round(Decimal(event["dur"]) * 1000), event["name"])
        for event in plain["traceEvents"]
        if event["ph"] == "X" and event.get("cat") != "Trace"
    )
    profile = opened(path)
    slices = profile.trace.slices
    origin = expected[0][0]
    read = sorted(
        zip(
            (slices.start_ns + origin).tolist(),
            slices.duration_ns.tolist(),
            names(profile),
            strict=True,
        )
    )
    assert read == expected


def test_an_exported_profile_reads_back_the_same(tmp_path: Path) -> None:
    profile = sample_profile()
    for name in ("trace.json", "trace.json.gz"):
        exporter_named("chrome").write(profile, tmp_path / name)
        again = opened(tmp_path / name)
        theirs, ours = again.trace.slices, profile.trace.slices
        assert theirs.start_ns.tolist() == ours.start_ns.tolist()
        assert theirs.duration_ns.tolist() == ours.duration_ns.tolist()
        assert theirs.depth.tolist() == ours.depth.tolist()
        assert names(again) == names(profile)
        assert len(again.trace.flows) == len(profile.trace.flows)
        assert sorted(again.trace.counters.value) == sorted(profile.trace.counters.value)


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**15), 4 * 10**15, places=3).map(str), max_size=40))
def test_times_are_exact(texts: list[str]) -> None:
    expected = [int(Decimal(text) * 1000) for text in texts]
    assert microseconds_to_ns([text.encode() for text in texts]).tolist() == expected


def test_odd_times_are_understood_or_none() -> None:
    odd = [b'"12.5"', b"1.5e3", b"", b"null", b"NaN", b"1e400", b"0.0004", b"-3", b"[1]"]
    none = NO_TIME
    expected = [12_500, 1_500_000, none, none, none, none, 0, -3_000, none]
    assert microseconds_to_ns(odd).tolist() == expected


def test_times_of_nineteen_digits_do_not_invent_overlaps(tmp_path: Path) -> None:
    base = 1_712_345_678_901_234
    text = ",".join(
        f'{{"ph":"X","name":"n","pid":1,"tid":1,"ts":{base}.{at:03d},"dur":0.{3:03d}}}'
        for at in range(0, 900, 3)
    )
    profile = opened(trace_file(tmp_path, f'{{"traceEvents":[{text}]}}'))
    assert partly_overlapping(profile.trace.slices) == 0
    assert set(np.diff(profile.trace.slices.start_ns).tolist()) == {3}


def test_begin_and_end_events_pair_by_thread(tmp_path: Path) -> None:
    """Horovod writes such: an end has no name."""
    events = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "tensor.1"}},
        {"ph": "B", "name": "NEGOTIATE", "pid": 1, "tid": 0, "ts": 10},
        {"ph": "B", "name": "RANK_READY", "pid": 1, "tid": 0, "ts": 12, "args": {"rank": 3}},
        {"ph": "E", "pid": 1, "tid": 0, "ts": 15},
        {"ph": "E", "pid": 1, "tid": 0, "ts": 20},
        {"ph": "B", "name": "NEVER_ENDS", "pid": 1, "tid": 0, "ts": 21},
        {"ph": "E", "pid": 2, "tid": 0, "ts": 22},
    ]
    path = trace_file(tmp_path, json.dumps(events)[:-1])  # Horovod leaves the bracket open
    profile = opened(path)
    slices = profile.trace.slices
    assert names(profile) == ["NEGOTIATE", "RANK_READY"]
    assert slices.duration_ns.tolist() == [10_000, 3_000]
    assert slices.parent.tolist() == [-1, 0]
    assert decode(profile.trace.arguments, 1) == {"rank": 3}
    assert "tensor.1" in profile.strings[int(profile.trace.tracks.process[0])]
    assert any("never ended" in each.message for each in profile.diagnostics)


def test_a_thread_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    name = {"ph": "M", "name": "thread_name", "pid": 1, "tid": 3, "args": {"name": "loader"}}
    events = [name, complete("a", 1, 2, tid=721409728), complete("b", 1, 2, tid=3)]
    profile = opened(trace_file(tmp_path, [*events, complete("c", 1, 2, tid="main")]))
    names = {profile.strings[row] for row in profile.trace.tracks.name.tolist()}
    assert names == {"thread 721409728", "loader (3)", "main"}


def test_sloppy_values_are_read(tmp_path: Path) -> None:
    text = """[
      {"ph":"X","name":"a","pid":"host","tid":"main","ts":"1.5","dur":2,"args":{"occupancy":NaN}},
      {"ph":"X","name":7,"cat":null,"pid":0,"tid":0,"ts":1.0,"dur":-5},
      {"ph":"X","name":"no dur","pid":0,"tid":0,"ts":3},
      {"ph":"C","name":"mem","pid":0,"ts":2,"args":{"used":5,"free":1e3}}
    ]"""
    profile = opened(trace_file(tmp_path, text))
    assert set(names(profile)) == {"a", "7", "no dur"}
    assert int(profile.trace.slices.duration_ns.min()) == 0
    assert sorted(profile.trace.counters.value.tolist()) == [5.0, 1000.0]


def test_a_cut_file_keeps_every_complete_event(tmp_path: Path) -> None:
    events = [
        complete(f'n "{at}" \\ {{[', 10 * at, 5, args={"deep": [{"x": "]}"}]}) for at in range(50)
    ]
    whole = json.dumps({"schemaVersion": 1, "traceEvents": events, "z": 1}).encode()
    lengths = [len(json.dumps(event)) for event in events]
    path = tmp_path / "cut.json"
    for length in range(200, len(whole) - 10, 211):
        path.write_bytes(whole[:length])
        profile = opened(path)
        begin = whole.index(b"[") + 1
        ends = begin + np.cumsum(lengths) + 2 * np.arange(len(lengths))
        assert len(profile.trace.slices) == (ends <= length).sum()
        assert any("ends too early" in each.message for each in profile.diagnostics)


def test_a_cut_gzip_keeps_what_was_there(tmp_path: Path, shared_data: Path) -> None:
    data = (shared_data / "alexnet.json.gz").read_bytes()
    path = tmp_path / "cut.json.gz"
    path.write_bytes(data[: len(data) // 2])
    profile = opened(path)
    assert 100 < len(profile.trace.slices) < 867
    assert any("ends too early" in each.message for each in profile.diagnostics)


@pytest.mark.parametrize(
    "content",
    [b'{"traceEvents": 5}', b'{"traceEvents": [', b'{"traceEvents": [[[[[', b"[" * 100_000],
)
def test_what_holds_no_event_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(TwinscopeError):
        open_path(path)


@pytest.mark.parametrize("chunk", [7, 61, 1000])
def test_the_size_of_the_chunks_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Texts that look like the border of two events, or lie across one, are read the same."""
    events = [
        complete(
            'a"}, {"ph": "X" \\" \\\\' * (at % 3),
            10 * at,
            5,
            args={"rows": [{"x": at}, {"y": "]}"}]},
        )
        for at in range(60)
    ]
    path = trace_file(tmp_path, events, deviceProperties=[{"name": "A100"}])
    path.write_text(
        path.read_text()[:-1] + ', "baseTimeNanoseconds": 1000, "more": [{}, {"a": 1}]}'
    )
    whole = opened(path)
    monkeypatch.setattr("profilers.traces.chrome_windows.WINDOW_BYTES", chunk)
    monkeypatch.setattr("profilers.traces.json_brackets._STEP", chunk)
    parts = opened(path)
    assert names(parts) == names(whole) == [event["name"] for event in events]
    assert parts.trace.slices.start_ns.tolist() == whole.trace.slices.start_ns.tolist()
    assert [decode(parts.trace.arguments, row) for row in range(60)] == [
        event["args"] for event in events
    ]
    assert parts.start_unix_ns == whole.start_unix_ns == 1000
    assert parts.environment.device == "A100"
    assert parts.diagnostics == whole.diagnostics


def test_one_unreadable_event_costs_no_other(tmp_path: Path) -> None:
    text = """{"traceEvents": [
      {"ph":"X","name":"before: NaN","ts":1,"dur":2,"pid":1,"tid":1,"args":{"a":NaN,"b":"inf"}},
      {"ph":"X","name":["no","name"],"ts":5,"dur":2,"pid":1,"tid":1},
      {"ph":"X","name":"after","ts":9,"dur":2,"pid":1,"tid":1}]}"""
    profile = opened(trace_file(tmp_path, text))
    assert names(profile) == ["before: NaN", "after"]
    assert decode(profile.trace.arguments, 0) == {"a": None, "b": "inf"}
    assert any("damaged" in each.message for each in profile.diagnostics)


def test_more_events_than_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trace_file(tmp_path, [complete("n", at, 1) for at in range(1000)])
    monkeypatch.setattr("profilers.traces.chrome_reader._MEMORY_SHARE", 1e-9)
    with pytest.raises(DamagedFile, match="memory"):
        opened(path)


@pytest.mark.timeout(20)
def test_nesting_without_end_and_stairs_of_overlaps_take_no_time_without_end(
    tmp_path: Path,
) -> None:
    count = 40_000
    nested = [complete("a", at, 3 * count - 2 * at, cat="cpu_op") for at in range(count)]
    flows = [{"ph": "s", "id": at, "pid": 1, "tid": 1, "ts": 3 * count - at} for at in range(count)]
    stairs = [complete("b", at, count, tid=2, cat="cpu_op") for at in range(count)]
    profile = opened(trace_file(tmp_path, [*nested, *stairs, *flows]))
    assert len(profile.trace.slices) == 2 * count
    assert statistics(profile)["slices"] == 2 * count
    table = by_name(profile)
    assert int(table.total_ns[0]) == 3 * count * 1000  # of the outermost alone


def test_a_gzip_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b'{"traceEvents": [' + b" " * 50_000_000))
    monkeypatch.setattr("profilers.traces.text_source.LARGEST_BYTES", 10_000_000)
    with pytest.raises(DamagedFile, match="larger than"):
        opened(path)


def test_random_damage_never_ends_in_another_error(tmp_path: Path, shared_data: Path) -> None:
    with gzip.open(shared_data / "triton_example.json.gz") as stream:
        whole = stream.read()
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.json"
    for _ in range(150):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), 3).tolist():
            data[place] = int(generator.integers(0, 256))
        path.write_bytes(data)
        with contextlib.suppress(TwinscopeError):
            opened(path)


def test_partly_overlapping_slices_lie_beside_each_other() -> None:
    track = np.zeros(4, np.int64)
    start = np.array([0, 5, 12, 14])
    end = np.array([10, 20, 18, 25])
    depth, parent = nest(track, start, end - start)
    assert depth.tolist() == [0, 1, 2, 0]
    assert parent.tolist() == [-1, -1, 1, -1]


def test_slices_that_each_begin_before_the_last_one_ends_take_two_levels() -> None:
    """As kernels do that a GPU launches early."""
    start = 10 * np.arange(1000)
    depth, parent = nest(np.zeros(1000, np.int64), start, np.full(1000, 11))
    assert depth.tolist() == [0, 1] * 500
    assert set(parent.tolist()) == {-1}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(0, 12)), max_size=30))
def test_the_parent_is_the_last_slice_that_encloses(intervals: list[tuple[int, int, int]]) -> None:
    ordered = sorted(intervals, key=lambda each: (each[0], each[1], -each[2]))
    table = np.array(ordered, np.int64).reshape(-1, 3)
    _, parent = nest(table[:, 0], table[:, 1], table[:, 2])
    ends = table[:, 1] + table[:, 2]
    for row in range(len(table)):
        enclosing = [
            other
            for other in range(row)
            if table[other, 0] == table[row, 0] and ends[other] >= ends[row]
        ]
        assert parent[row] == max(enclosing, default=-1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=30),
    st.lists(st.integers(-2, 45), max_size=10),
)
def test_the_innermost_slice_is_the_last_alive_on_the_way_up(
    intervals: list[tuple[int, int]], times: list[int]
) -> None:
    ordered = sorted(intervals, key=lambda each: (each[0], -each[1]))
    start, duration = np.array(ordered, np.int64).reshape(-1, 2).T
    slices = slices_of(start, duration)
    found = innermost(slices, np.zeros(len(times), np.int64), np.array(times, np.int64))
    for time, row in zip(times, found.tolist(), strict=True):
        slow = int((start <= time).sum()) - 1
        while slow >= 0 and start[slow] + duration[slow] < time:
            slow = int(slices.parent[slow])
        assert row == slow


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(0, 12)), max_size=30))
def test_no_two_slices_share_a_place(intervals: list[tuple[int, int, int]]) -> None:
    """On one track and depth slices never overlap, and a parent encloses its child."""
    ordered = sorted(intervals, key=lambda each: (each[0], each[1], -each[2]))
    table = np.array(ordered, np.int64).reshape(-1, 3)
    depth, parent = nest(table[:, 0], table[:, 1], table[:, 2])
    ends = table[:, 1] + table[:, 2]
    for row in range(len(table)):
        above = int(parent[row])
        if above >= 0:
            assert depth[above] < depth[row]
            assert table[above, 1] <= table[row, 1]
            assert ends[row] <= ends[above]
        for other in range(row):
            if depth[other] == depth[row] and table[other, 0] == table[row, 0]:
                assert ends[other] <= table[row, 1]


def test_a_horovod_timeline_is_read(tmp_path: Path) -> None:
    """A bare array without an end: a process per tensor, nested B and E, X for the ranks' votes.

    Layout: Horovod's documentation of its timeline.
    """
    lines = ["["]
    for tensor in range(3):
        name = json.dumps(f"DistributedOptimizer_Allreduce/grad_{tensor}")
        lines.append(
            f'{{"name": "process_name", "ph": "M", "pid": {tensor}, "args": {{"name": {name}}}}},'
        )
        lines.append(
            f'{{"name": "process_sort_index", "ph": "M", "pid": {tensor}, "args": {{"sort_index": {tensor}}}}},'
        )
    for at in range(5):
        for tensor in range(3):
            begin = 1000 * at + 10 * tensor
            lines += [
                f'{{"ph": "B", "name": "NEGOTIATE_ALLREDUCE", "ts": {begin}, "pid": {tensor}}},',
                f'{{"ph": "X", "name": "0", "ts": {begin + 1}, "pid": {tensor}, "dur": 0}},',
                f'{{"ph": "E", "ts": {begin + 20}, "pid": {tensor}}},',
                f'{{"ph": "B", "name": "ALLREDUCE", "ts": {begin + 30}, "pid": {tensor}}},',
                f'{{"ph": "B", "name": "NCCL_ALLREDUCE", "ts": {begin + 40}, "pid": {tensor}}},',
                f'{{"ph": "E", "ts": {begin + 90}, "pid": {tensor}}},',
                f'{{"ph": "E", "ts": {begin + 95}, "pid": {tensor}, "args": {{"dtype": "float32"}}}},',
            ]
    profile = opened(trace_file(tmp_path, "\n".join(lines)))
    slices, tracks = profile.trace.slices, profile.trace.tracks
    assert len(tracks) == 3
    assert "grad_0" in profile.strings[int(tracks.process[0])]
    found = sorted(set(zip(names(profile), slices.depth.tolist(), strict=True)))
    assert found == [
        ("0", 1),
        ("ALLREDUCE", 0),
        ("NCCL_ALLREDUCE", 1),
        ("NEGOTIATE_ALLREDUCE", 0),
    ]
    allreduce = slices.name == profile.strings.find("ALLREDUCE")
    assert slices.duration_ns[allreduce].tolist() == [65_000] * 15


def test_versions_and_options_of_the_header_are_told(tmp_path: Path) -> None:
    events = [complete("op", 1, 2, cat="cpu_op")]
    known = opened(
        trace_file(
            tmp_path, events, schemaVersion=1, cuda_driver_version=12080, record_shapes=1,
            with_stack=0, profile_memory=True,
        )
    )  # fmt: skip
    facts = known.environment.facts
    assert facts["Trace schema"] == "1"
    assert facts["CUDA driver"] == "12080"
    assert facts["Recorded"] == "shapes, memory"
    assert not any("layout" in each.message for each in known.diagnostics)
    newer = opened(trace_file(tmp_path, events, schemaVersion=2))
    assert any("layout is version 2" in each.message for each in newer.diagnostics)


def test_what_the_profiler_itself_took_stands_last_by_its_name(tmp_path: Path) -> None:
    """Kineto puts it into a process of number -1 that it does not name."""
    buffers = complete("Activity Buffer Request", 1, 2, 0, cat="overhead") | {"pid": -1}
    events = [buffers, complete("aten::relu", 5, 1, cat="cpu_op")]
    profile = opened(trace_file(tmp_path, events))
    tracks, strings = profile.trace.tracks, profile.strings
    told = [(strings[tracks.process[row]], strings[tracks.name[row]]) for row in range(2)]
    assert told == [("1", "thread 1"), ("profiler", "overhead")]
