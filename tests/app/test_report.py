"""What other programs get to read."""

import csv
import gzip
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.report import EXPORTERS, Exporter, exporter_named
from profilers.errors import TwinscopeError
from profilers.opening import open_path
from profilers.profile import Counters, JsonText, MemoryCounters, Profile, SliceKind, StringTable
from tests.sample import sample_profile


def test_overlapping_slices_of_a_chrome_trace_lie_on_threads_where_all_of_them_nest(
    tmp_path: Path,
) -> None:
    """Perfetto leaves out what begins in another slice of its thread and outlasts it."""
    profile = sample_profile()
    slices = profile.trace.slices
    longer = slices.replace(duration_ns=slices.duration_ns + 700_000)
    profile = replace(profile, trace=replace(profile.trace, slices=longer))
    path = tmp_path / "trace.json"
    exporter_named("chrome").write(profile, path)
    events = json.loads(path.read_text())["traceEvents"]
    named = {each["tid"] for each in events if each["name"] == "thread_name"}
    open_ends: dict[int, list[float]] = {}
    for event in (each for each in events if each["ph"] == "X"):
        ends = open_ends.setdefault(event["tid"], [])
        while ends and ends[-1] <= event["ts"] + 1e-4:
            ends.pop()
        assert not ends or event["ts"] + event["dur"] <= ends[-1] + 1e-4
        ends.append(event["ts"] + event["dur"])
    assert len(open_ends) > len(set(slices.track.tolist()))
    assert set(open_ends) <= named
    assert not named & {0, *(each["pid"] for each in events)}


def test_the_chrome_trace_draws_what_the_allocator_told_where_it_has_no_counters(
    tmp_path: Path,
) -> None:
    sample = sample_profile()
    told = MemoryCounters.from_rows([(1_000, -1, 64, 256), (2_500, -1, 32, -1)])
    profile = replace(
        sample,
        trace=replace(sample.trace, counters=Counters.empty()),
        memory=replace(sample.memory, counters=told),
    )
    path = tmp_path / "trace.json"
    exporter_named("chrome").write(profile, path)
    read = open_path(path)
    assert isinstance(read, Profile)
    events = [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == "C"]
    assert [event["args"] for event in events] == [
        {"allocated": 64, "reserved": 256},
        {"allocated": 32},
    ]
    assert {64, 256, 32} <= set(read.trace.counters.value.tolist())


def test_the_chrome_trace_holds_every_slice_flow_and_counter_exactly(tmp_path: Path) -> None:
    profile = sample_profile()
    path = tmp_path / "trace.json"
    exporter_named("chrome").write(profile, path)
    events = json.loads(path.read_text())["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    table = profile.trace.slices
    assert [round(event["ts"] * 1000) for event in slices] == table.start_ns.tolist()
    assert [round(event["dur"] * 1000) for event in slices] == table.duration_ns.tolist()
    assert [event["name"] for event in slices] == [
        profile.strings[row] for row in table.name.tolist()
    ]
    assert sum(event["ph"] == "s" for event in events) == len(profile.trace.flows)
    assert sum(event["ph"] == "C" for event in events) == len(profile.trace.counters)
    conv = next(event for event in slices if event["name"] == "aten::conv2d")
    assert conv["args"]["graph node"] == "conv_0"
    assert conv["args"]["Input Dims"] == [[1, 16, 32, 32]]


def arrows_of(profile: Profile) -> list[tuple[str, str, str]]:
    slices, flows, strings = profile.trace.slices, profile.trace.flows, profile.strings
    return sorted(
        (strings[kind], strings[int(slices.name[source])], strings[int(slices.name[target])])
        for kind, source, target in zip(
            flows.kind.tolist(), flows.source.tolist(), flows.target.tolist(), strict=True
        )
    )


def slices_of(profile: Profile) -> list[tuple[int, int, str, str]]:
    slices, strings = profile.trace.slices, profile.strings
    return sorted(
        (start, duration, strings[name], strings[category])
        for start, duration, name, category in zip(
            (slices.start_ns - slices.start_ns.min()).tolist(), slices.duration_ns.tolist(),
            slices.name.tolist(), slices.category.tolist(), strict=True,
        )
    )  # fmt: skip


def test_what_is_written_for_perfetto_is_read_back_as_it_was(tmp_path: Path) -> None:
    profile = sample_profile()
    exporter_named("chrome").write(profile, tmp_path / "trace.json")
    read = open_path(tmp_path / "trace.json")
    assert isinstance(read, Profile)
    assert slices_of(read) == slices_of(profile)
    assert arrows_of(read) == arrows_of(profile)
    values = profile.trace.counters.value
    assert sorted(read.trace.counters.value.tolist()) == sorted(values.tolist())


def test_a_real_trace_is_written_and_read_back_with_all_arrows(
    tmp_path: Path, shared_data: Path
) -> None:
    profile = open_path(shared_data / "sampled_rank0.json.gz")
    assert isinstance(profile, Profile)
    path = tmp_path / "trace.json"
    exporter_named("chrome").write(profile, path)
    read = open_path(path)
    assert isinstance(read, Profile)
    assert slices_of(read) == slices_of(profile)
    assert arrows_of(read) == arrows_of(profile)
    events = json.loads(path.read_text())["traceEvents"]
    begun = {(each["id"], each["cat"], each["name"]) for each in events if each["ph"] == "s"}
    ended = {(each["id"], each["cat"], each["name"]) for each in events if each["ph"] == "f"}
    assert begun == ended
    assert len(begun) == len(profile.trace.flows)


def test_parquet_tells_what_it_needs_or_holds_what_csv_holds(tmp_path: Path) -> None:
    profile, path = sample_profile(), tmp_path / "operators.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        with pytest.raises(TwinscopeError, match="pip install pyarrow"):
            exporter_named("parquet").write(profile, path)
        return
    from pyarrow import parquet

    exporter_named("parquet").write(profile, path)
    exporter_named("csv").write(profile, tmp_path / "operators.csv")
    with (tmp_path / "operators.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    table = parquet.read_table(path).to_pydict()
    assert [str(value) for value in table["total_ns"]] == [row["total_ns"] for row in rows]


def test_times_of_days_keep_their_nanoseconds(tmp_path: Path) -> None:
    profile = sample_profile(blocks=1, steps=1)
    shift = 10**18 + 1
    slices = profile.trace.slices.replace(start_ns=profile.trace.slices.start_ns + shift)
    exporter_named("chrome").write(
        replace(profile, trace=replace(profile.trace, slices=slices)), tmp_path / "late.json"
    )
    assert '"ts":1000000000000000.001' in (tmp_path / "late.json").read_text()


def test_what_utf8_or_json_cannot_hold_is_replaced(tmp_path: Path) -> None:
    profile = sample_profile(blocks=1, steps=1)
    rows = len(profile.trace.slices)
    texts = [b'{"big": 123456789012345678901234567890, "a": {"deep": [1.50]}}', b'{"cut": ', b""]
    arguments = JsonText.from_texts((texts * rows)[:rows])
    strings = StringTable(
        "\ud800relu" if text == "aten::relu" else text for text in profile.strings
    )
    odd = replace(profile, strings=strings, trace=replace(profile.trace, arguments=arguments))
    exporter_named("chrome").write(odd, tmp_path / "odd.json")
    text = (tmp_path / "odd.json").read_text()
    events = [event for event in json.loads(text)["traceEvents"] if event["ph"] == "X"]
    assert [event.get("args", {}).get("unreadable") for event in events[:3]] == [
        None, '{"cut": ', None
    ]  # fmt: skip
    assert '"a":{"deep": [1.50]}' in text
    assert events[0]["args"]["big"] == 123456789012345678901234567890
    assert "?relu" in {event["name"] for event in events}
    exporter_named("csv").write(odd, tmp_path / "odd.csv")
    assert "?relu" in (tmp_path / "odd.csv").read_text()


def test_a_gz_name_is_compressed(tmp_path: Path) -> None:
    exporter_named("chrome").write(sample_profile(), tmp_path / "trace.json.gz")
    with gzip.open(tmp_path / "trace.json.gz") as stream:
        assert json.load(stream)["traceEvents"]


def test_a_model_that_was_not_run_has_no_trace(tmp_path: Path) -> None:
    with pytest.raises(TwinscopeError, match="not run"):
        exporter_named("chrome").write(Profile("inspected"), tmp_path / "trace.json")


def test_csv_tables_add_up_and_text_stays_text(tmp_path: Path) -> None:
    profile = sample_profile(steps=2)
    evil = StringTable(
        "=cmd|' /C calc'!A0" if text == "aten::relu" else text for text in profile.strings
    )
    exporter_named("csv").write(replace(profile, strings=evil), tmp_path / "tables")
    with (tmp_path / "tables" / "operators.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    slices = profile.trace.slices
    operators = slices.duration_ns[slices.kind == SliceKind.OPERATOR]
    assert sum(int(row["total_ns"]) for row in rows) == operators.sum()
    assert any(row["name"].startswith("'=cmd") for row in rows)
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {
        "operators.csv", "kernels.csv", "nodes.csv", "allocations.csv", "notes.csv", "summary.csv"
    }  # fmt: skip


def test_a_csv_name_gets_the_operators_alone(tmp_path: Path) -> None:
    exporter_named("csv").write(sample_profile(), tmp_path / "operators.csv")
    assert (tmp_path / "operators.csv").read_text().startswith("name,calls,total_ns")


_HERE = [each for each in EXPORTERS if each.id != "parquet" or importlib.util.find_spec("pyarrow")]


@pytest.mark.parametrize("exporter", _HERE, ids=lambda each: each.id)
def test_a_place_that_cannot_be_written_is_told(exporter: Exporter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TwinscopeError, match="Cannot write"):
        exporter.write(sample_profile(), tmp_path / "file" / f"out{exporter.suffix}")
