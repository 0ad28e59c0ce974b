"""A snapshot gives back what was saved, and refuses what was changed."""

import contextlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from profilers import snapshot
from profilers.errors import DamagedFile
from profilers.opening import open_path
from profilers.profile import JsonText, Profile, StringTable, Table, decode
from profilers.snapshot import columns
from tests.sample import sample_profile


def assert_same(a: Any, b: Any, path: str = "profile") -> None:
    """Every value of two profiles is equal, down to each column's bytes."""
    if isinstance(a, Table):
        assert type(a) is type(b)
        for name, values in a.columns().items():
            assert values.dtype == getattr(b, name).dtype
            assert values.tobytes() == getattr(b, name).tobytes(), f"{path}.{name}"
    elif isinstance(a, StringTable):
        assert list(a) == list(b), path
    elif callable(getattr(a, "text", None)):
        assert [a.text(row) for row in range(len(a))] == [b.text(row) for row in range(len(b))]
    elif is_dataclass(a) and not isinstance(a, type):
        for spec in fields(a):
            assert_same(getattr(a, spec.name), getattr(b, spec.name), f"{path}.{spec.name}")
    elif isinstance(a, tuple):
        assert len(a) == len(b), path
        for at, (left, right) in enumerate(zip(a, b, strict=True)):
            assert_same(left, right, f"{path}[{at}]")
    else:
        assert a == b, path


def saved(profile: Profile, folder: Path) -> Path:
    path = folder / "saved.twin"
    snapshot.write(profile, path)
    return path


def rewritten(path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None]) -> Path:
    """The snapshot with its members and manifest edited by hand."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(members, manifest)
    edited = path.with_name("edited.twin")
    with zipfile.ZipFile(edited, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, data in members.items():
            archive.writestr(name, data)
    return edited


def test_everything_comes_back(tmp_path: Path) -> None:
    profile = sample_profile()
    path = saved(profile, tmp_path)
    assert_same(profile, snapshot.read(path))
    opened = open_path(path)
    assert isinstance(opened, Profile)
    assert_same(profile, opened)


def test_odd_text_comes_back(tmp_path: Path) -> None:
    odd = StringTable(["", "名前", "\ud800 lone", "a\x00b", *sample_profile().strings])
    profile = replace(Profile("odd ☃"), strings=odd)
    assert_same(profile, snapshot.read(saved(profile, tmp_path)))


def test_an_empty_profile_comes_back(tmp_path: Path) -> None:
    assert_same(Profile("nothing"), snapshot.read(saved(Profile("nothing"), tmp_path)))


def test_arguments_are_read_row_by_row_after_saving_twice(tmp_path: Path) -> None:
    profile = sample_profile(blocks=8, steps=60)
    objects = [{"row": row} if row % 3 else None for row in range(len(profile.trace.slices))]
    trace = replace(profile.trace, arguments=JsonText.from_objects(objects))
    once = snapshot.read(saved(replace(profile, trace=trace), tmp_path))
    twice = snapshot.read(saved(once, tmp_path))
    last = len(objects) - 1
    assert decode(twice.trace.arguments, last) == (objects[last] or {})
    assert [decode(twice.trace.arguments, row) for row in range(9)] == [
        item or {} for item in objects[:9]
    ]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(["i1", "i2", "i4", "i8", "f8"]).flatmap(
        lambda dtype: stn.arrays(dtype, st.integers(0, 300))
    )
)
def test_any_column_comes_back_bit_by_bit(values: np.ndarray) -> None:
    data, entry = columns.encode(values)
    assert columns.decode(data, entry, values.dtype).tobytes() == values.tobytes()


def test_members_of_a_newer_version_are_kept(tmp_path: Path) -> None:
    def add(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        members["bookmarks/text"] = b"from the future"
        manifest["members"]["bookmarks/text"] = {"encoding": "raw", "author": "someone"}
        manifest["version"] = [1, 7]
        manifest["values"]["bookmarks"] = "unknown too"

    profile = snapshot.read(rewritten(saved(sample_profile(), tmp_path), add))
    again = snapshot.read(saved(profile, tmp_path))
    assert again.extra["bookmarks/text"] == b"from the future"
    with zipfile.ZipFile(tmp_path / "saved.twin") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["members"]["bookmarks/text"]["author"] == "someone"


def test_a_column_that_an_older_version_did_not_have_reads_as_none(tmp_path: Path) -> None:
    def remove(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        del members["trace/slices/group"]
        del manifest["members"]["trace/slices/group"]

    profile = snapshot.read(rewritten(saved(sample_profile(), tmp_path), remove))
    assert set(profile.trace.slices.group.tolist()) == {-1}


def test_a_table_that_an_older_version_did_not_have_is_empty(tmp_path: Path) -> None:
    def remove(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        for part in ("problems", "parameter_statistics"):
            for listed in (members, manifest["members"], manifest["values"]):
                for name in [each for each in listed if f"/{part}/" in each]:
                    del listed[name]
        del manifest["values"]["notes"]

    graph = snapshot.read(rewritten(saved(sample_profile(), tmp_path), remove)).authored
    assert len(graph.problems) == 0
    assert len(graph.parameter_statistics) == 0
    assert_same(graph.nodes, sample_profile().authored.nodes)


def test_a_newer_major_version_is_refused_with_its_number(tmp_path: Path) -> None:
    path = rewritten(
        saved(sample_profile(), tmp_path), lambda _, manifest: manifest.update(version=[2, 0])
    )
    with pytest.raises(DamagedFile, match="newer Twinscope wrote it"):
        snapshot.read(path)


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


def _huge(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["rows"] = 2**30


def _absurd(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    for entry in manifest["members"].values():
        entry["rows"] = 2**60


def _negative(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["rows"] = -5


def _other_type(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["dtype"] = "<f8"


def _object_type(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["members"]["trace/slices/start_ns"]["dtype"] = "|O"


def _uneven(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    name = "trace/slices/start_ns"
    members[name], manifest["members"][name] = columns.encode(np.arange(3))


def _no_strings(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    del members["strings/text"]


def _many_graphs(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["values"]["graphs/"]["count"] = 10**12


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
        (_huge, "start_ns"),
        (_absurd, "rows"),
        (_negative, "rows"),
        (_other_type, "its type is <f8"),
        (_object_type, "its type is |O"),
        (_uneven, "3 rows"),
        (_no_strings, "strings"),
        (_many_graphs, "parts"),
        (_manifest_of_lists, "lists no members"),
        (_no_list_of_members, "lists no members"),
        (_one_member_lost, "lacks trace/slices/node"),
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


def test_a_compressed_member_is_refused(tmp_path: Path) -> None:
    path = saved(sample_profile(), tmp_path)
    bomb = tmp_path / "bomb.twin"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bomb, "w") as out:
        for name in archive.namelist():
            out.writestr(name, archive.read(name))
        out.writestr("zeros", bytes(50_000_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(DamagedFile, match="not stored"):
        snapshot.read(bomb)


def test_a_failed_save_keeps_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(sample_profile(), tmp_path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="No space"):
        snapshot.write(sample_profile(blocks=9), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["saved.twin"]  # noqa: PTH208 (names alone)
