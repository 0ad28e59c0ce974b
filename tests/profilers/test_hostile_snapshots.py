"""Snapshots that were damaged, edited by hand or made to mislead are refused."""

import contextlib
import io
import os
import tempfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cli import main
from profilers import snapshot
from profilers.errors import DamagedFile
from profilers.opening import open_path
from profilers.snapshot import columns
from profilers.snapshot.columns import BadColumn
from tests.profilers.snapshots import assert_same, rewritten, saved
from tests.sample import sample_profile


def test_damage_of_a_column_that_lzma_packed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_LZMA_GAIN", 1.1)
    values = np.random.default_rng(0).normal(0, 9, 50_000).astype(np.int8)
    data, entry = columns.encode(values)
    assert entry["packed"] == "lzma"
    assert columns.decode(data, entry, values.dtype).tobytes() == values.tobytes()
    for bad, rows in ((data[:-900], 50_000), (data, 40_000), (data, 60_000), (b"\x5d\0", 5)):
        with pytest.raises(BadColumn):
            columns.decode(bad, {**entry, "rows": rows}, values.dtype)


def test_a_file_of_five_gigabytes_is_refused_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.twin"
    size = 5 << 30
    with (
        zipfile.ZipFile(saved(sample_profile(), tmp_path)) as old,
        path.open("wb") as out,
        zipfile.ZipFile(out, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(old.getinfo(name), old.read(name))
        new.writestr("0/unknown", b"")
        hole = new.getinfo("0/unknown")
        hole.file_size = hole.compress_size = size
        out.seek(size, os.SEEK_CUR)
        new.start_dir = out.tell()
    available = psutil.virtual_memory()._replace(available=8 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)
    tracemalloc.start()
    with pytest.raises(DamagedFile, match="more memory than this machine has"):
        open_path(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 << 20


def _point_outside(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    values = sample_profile().trace.slices.name.copy()
    values[3] = 10_000
    data, entry = columns.encode(values)
    members["trace/slices/name"], manifest["members"]["trace/slices/name"] = data, entry


def _note_nowhere(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"]["notes"] = [{"node": 10_000, "text": "slow"}]


def _circle(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    values = sample_profile().authored.scopes.parent.copy()
    values[0] = len(values) - 1
    name = "graphs/0/scopes/parent"
    members[name], manifest["members"][name] = columns.encode(values)


_STEPS = "trace/slices/tour_high"


def _huge(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["rows"] = 2**30


def _absurd(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    for entry in manifest["members"].values():
        entry["rows"] = 2**60


def _negative(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["rows"] = -5


def _other_type(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["dtype"] = "<f8"


def _odd_constant(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    entry = manifest["members"][_STEPS]
    entry.update(encoding="constant", value=[1, 2])


def _absurd_constant(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = _STEPS
    manifest["members"][name].update(encoding="constant", value=0, rows=2**40)


def _odd_scale(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["scale"] = "1000"


def _object_type(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["dtype"] = "|O"


def _uneven(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = "trace/slices/node"
    members[name], manifest["members"][name] = columns.encode(np.arange(3, dtype=np.int32))


def _short_tour(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    members[_STEPS], manifest["members"][_STEPS] = columns.encode(np.arange(3, dtype=np.int32))


def _few_parents(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = "trace/slices/parent_rest"
    members[name], manifest["members"][name] = columns.encode(np.arange(3, dtype=np.int32))


def _no_tour(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    del manifest["members"][_STEPS]


def _half_a_tour(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = "trace/slices/start_ns"
    members[name], manifest["members"][name] = columns.encode(np.arange(75))


def _odd_tour(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["scale"] = -(10**30)


def _mad_clock(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    entry = manifest["members"]["trace/slices/start_ns"]
    entry["clocks"] = {"0": [float("nan"), 0.0]}
    _with_rest(members, manifest)


def _huge_clock(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["clocks"] = {"0": [10**400, 0]}
    _with_rest(members, manifest)


def _with_rest(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name, rows = "trace/slices/tour_rest", manifest["members"][_STEPS]["rows"]
    members[name], manifest["members"][name] = columns.encode(np.arange(rows, dtype=np.int8))


def _odd_hex(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"][_STEPS]["data"] = ["00"]


def _no_strings(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    del members["strings/text"]


def _many_graphs(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"]["graphs/"]["count"] = 10**12


def _reports_of_lists(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"]["reports"] = [[]]


def _manifest_of_lists(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"] = [[[]]]


def _no_list_of_members(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"] = 5


def _one_member_lost(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    del members["trace/slices/node"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_point_outside, "Slices.name points outside the strings"),
        (_note_nowhere, "a note belongs to a node that is not there"),
        (_circle, "scopes do not come after their parents"),
        (_huge, "more memory"),
        (_absurd, "rows"),
        (_negative, "rows"),
        (_other_type, "its type is <f8"),
        (_object_type, "its type is |O"),
        (_uneven, "3 rows"),
        (_short_tour, "the steps of its tour"),
        (_few_parents, "its parents do not fit"),
        (_no_tour, "tour_high"),
        (_half_a_tour, "duration_ns"),
        (_odd_tour, "is no scale"),
        (_mad_clock, "its clock does not fit"),
        (_huge_clock, "its clock does not fit"),
        (_odd_hex, "manifest is not readable"),
        (_odd_constant, "no whole number"),
        (_absurd_constant, "rows"),
        (_odd_scale, "no whole number"),
        (_no_strings, "strings"),
        (_many_graphs, "parts"),
        (_reports_of_lists, "its manifest tells of no profile"),
        (_manifest_of_lists, "lists no members"),
        (_no_list_of_members, "lists no members"),
        (_one_member_lost, "lacks 0/trace/slices/node"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_file_edited_by_hand_is_refused_with_a_reason(
    tmp_path: Path, change: Callable[..., None], reason: str
) -> None:
    path = rewritten(saved(sample_profile(), tmp_path), change)
    with pytest.raises(DamagedFile) as refused:
        open_path(path)
    assert reason in refused.value.why
    assert refused.value.why


def test_a_cut_file_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    whole = saved(sample_profile(), tmp_path).read_bytes()
    cut = tmp_path / "cut.twin"
    for length in range(60, len(whole), len(whole) // 40):
        cut.write_bytes(whole[:length])
        with pytest.raises(DamagedFile):
            snapshot.read(cut)


def test_a_changed_byte_is_refused_or_changes_nothing_that_is_read(tmp_path: Path) -> None:
    profile = sample_profile()
    whole = saved(profile, tmp_path).read_bytes()
    generator = np.random.default_rng(0)
    changed = tmp_path / "changed.twin"
    refused = 0
    for place in generator.integers(0, len(whole), 200).tolist():
        data = bytearray(whole)
        data[place] ^= 0x5A
        changed.write_bytes(data)
        try:
            assert_same(profile, snapshot.read(changed))
        except DamagedFile:
            refused += 1
    assert refused > 140  # some bytes of an archive, such as dates, say nothing


def test_a_changed_directory_is_refused_whatever_it_says(tmp_path: Path) -> None:
    """Flags, sizes and offsets of the archive itself: "encrypted", places before the file, ..."""
    profile = sample_profile()
    whole = saved(profile, tmp_path).read_bytes()
    generator = np.random.default_rng(1)
    changed = tmp_path / "changed.twin"
    begin = whole.index(b"PK\x01\x02")
    for place in generator.integers(begin, len(whole), 600).tolist():
        data = bytearray(whole)
        data[place] = int(generator.integers(0, 256))
        changed.write_bytes(data)
        with contextlib.suppress(DamagedFile):
            assert_same(profile, snapshot.read(changed))


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = saved(sample_profile(), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("0/strings/text", b"another")
    with pytest.raises(DamagedFile, match="not sound"):
        open_path(path)


@pytest.mark.parametrize(
    "name", ["../../escaped", "/tmp/escaped", "0/../../escaped", "C:\\escaped", ""]
)
def test_names_that_lead_elsewhere_write_nothing(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = saved(sample_profile(), folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"outside")
    before = sorted(tmp_path.rglob("*"))
    profile = snapshot.read(path)
    snapshot.write(profile, folder / "again.twin")
    assert_same(
        replace(sample_profile(), extra=profile.extra), snapshot.read(folder / "again.twin")
    )
    assert sorted(tmp_path.rglob("*")) == sorted([*before, folder / "again.twin"])


def test_a_compressed_member_is_refused(tmp_path: Path) -> None:
    path = saved(sample_profile(), tmp_path)
    bomb = tmp_path / "bomb.twin"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bomb, "w") as out:
        for name in archive.namelist():
            out.writestr(name, archive.read(name))
        out.writestr("zeros", bytes(50_000_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(DamagedFile, match="not stored"):
        snapshot.read(bomb)


def _bomb_of_zeros(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    zeros = bytes(8 << 20)
    frame = zstandard.ZstdCompressor(level=1)
    rows = 300 * len(zeros) // 8
    with io.BytesIO() as out:
        with frame.stream_writer(out, size=8 * rows, closefd=False) as writer:
            for _ in range(300):
                writer.write(zeros)
        members[_STEPS] = out.getvalue()
    manifest["members"][_STEPS] = {"dtype": "<i8", "rows": rows, "encoding": "shuffle"}


def _bomb_of_constants(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    slices = manifest["values"]["trace/slices/"]
    slices["rows"] = 100_000_000
    for name, entry in manifest["members"].items():
        if name.startswith("trace/slices/"):
            members.pop(name, None)
            entry.update(encoding="constant", value=0, rows=slices["rows"])


def _bomb_of_strings(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    del members["strings/lengths"]
    rows = {"rows": 30_000_000, "encoding": "constant", "value": 0}
    manifest["members"]["strings/lengths"].update(rows)
    members["strings/text"], manifest["members"]["strings/text"] = columns.encode(
        np.empty(0, np.uint8)
    )


def _bomb_of_arguments(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    rows = len(sample_profile().trace.slices)
    name = "trace/arguments/lengths"
    members[name], manifest["members"][name] = columns.encode(np.full(rows, 1 << 34))


def _bomb_of_brackets(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"]["more"] = [[]] * 5_000_000


@pytest.mark.parametrize(
    "bomb",
    [
        _bomb_of_zeros,
        _bomb_of_constants,
        _bomb_of_strings,
        _bomb_of_arguments,
        _bomb_of_brackets,
    ],
)
def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_does(
    bomb: Callable[..., None], tmp_path: Path
) -> None:
    path = rewritten(saved(sample_profile(), tmp_path), bomb)
    tracemalloc.start()
    with pytest.raises(DamagedFile):
        snapshot.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 << 20


_JUNK = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, float("nan"), "", "x", "\ud800", [], [[]], {}, {"a": 1}, [{}]]
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_whatever_a_manifest_says_is_refused_or_of_the_declared_types(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(sample_profile(), Path(folder))

        def change(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
            place: Any = manifest["values"] if data.draw(st.booleans()) else manifest
            while True:
                keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
                key = data.draw(st.sampled_from(keys))
                inner = place[key]
                if not (isinstance(inner, (dict, list)) and inner) or not data.draw(st.booleans()):
                    break
                place = inner
            place[key] = data.draw(_JUNK)

        edited = rewritten(path, change)
        try:
            profile = snapshot.read(edited)
        except DamagedFile:
            return
        assert all(isinstance(each, str) for each in profile.environment.facts.values())
        assert main(["stats", str(edited), "--json"]) == 0
