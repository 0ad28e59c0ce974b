"""A snapshot gives back what was saved, and refuses what was changed."""

import contextlib
import io
import json
import os
import tempfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from app.cli import main
from profilers import snapshot
from profilers.errors import DamagedFile, TwinscopeError
from profilers.opening import open_path
from profilers.profile import (
    Flows,
    Fusion,
    JsonText,
    KeptComparison,
    Memory,
    Profile,
    Slices,
    StringTable,
    Table,
    Trace,
    Turns,
    decode,
)
from profilers.snapshot import archive, columns
from profilers.snapshot.columns import BadColumn
from profilers.snapshot.parts import without
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
    """The snapshot of one profile with its members and manifest edited by hand.

    Members and values are named as the first version did, without the profile's number.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    mime_type = members.pop("mimetype")
    manifest = json.loads(members.pop("manifest.json"))
    members = {name.removeprefix("0/"): data for name, data in members.items()}
    entries = {name.removeprefix("0/"): each for name, each in manifest["members"].items()}
    for name, entry in entries.items():
        if "data" in entry:
            members[name] = bytes.fromhex(entry.pop("data"))
    flat = {**manifest, "members": entries, "values": manifest["profiles"][0]["values"]}
    change(members, flat)
    if isinstance(flat["members"], dict):
        flat["members"] = {f"0/{name}": each for name, each in flat["members"].items()}
    flat["profiles"] = [{"values": flat.pop("values")}]
    edited = path.with_name("edited.twin")
    with zipfile.ZipFile(edited, "w") as archive:
        archive.writestr("mimetype", mime_type)
        archive.writestr("manifest.json", json.dumps(flat))
        for name, data in members.items():
            archive.writestr(f"0/{name}", data)
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
        manifest["version"] = [archive.MAJOR, 7]
        manifest["values"]["bookmarks"] = "unknown too"

    profile = snapshot.read(rewritten(saved(sample_profile(), tmp_path), add))
    again = snapshot.read(saved(profile, tmp_path))
    assert again.extra["bookmarks/text"] == b"from the future"
    with zipfile.ZipFile(tmp_path / "saved.twin") as opened:
        manifest = json.loads(opened.read("manifest.json"))
    assert manifest["members"]["0/bookmarks/text"]["author"] == "someone"


@pytest.mark.parametrize("version", ["first", "second", "third"])
def test_a_file_of_an_older_version_is_read(version: str, tmp_path: Path) -> None:
    path = Path(__file__).with_name(f"{version}_version.twin")
    old = open_path(path)
    assert isinstance(old, Profile)
    assert_same(sample_profile(blocks=2, steps=2), old)
    assert_same(old, snapshot.read(saved(old, tmp_path)))


def test_several_profiles_travel_in_one_file_in_their_order(tmp_path: Path) -> None:
    first, second = sample_profile(), sample_profile(blocks=2, framework="TensorFlow 2.21.0")
    path = tmp_path / "pair.twin"
    snapshot.write_all([first, second], path)
    assert snapshot.read_compared(path)[1] is None
    for before, after in zip((first, second), snapshot.read_all(path), strict=True):
        assert_same(before, after)
    with pytest.raises(TwinscopeError, match="holds 2 profiles"):
        snapshot.read(path)


def test_the_size_is_known_before_saving_and_equal_profiles_give_equal_files(
    tmp_path: Path,
) -> None:
    profiles = [sample_profile(), sample_profile(blocks=2)]
    snapshot.write_all(profiles, tmp_path / "a.twin")
    snapshot.write_all(profiles, tmp_path / "b.twin")
    assert (tmp_path / "a.twin").read_bytes() == (tmp_path / "b.twin").read_bytes()
    assert snapshot.size_of(profiles) == (tmp_path / "a.twin").stat().st_size


def test_odd_nesting_comes_back(tmp_path: Path) -> None:
    """Parents that depths do not tell are stored as they are."""
    profile = sample_profile()
    parent = profile.trace.slices.parent.copy()
    parent[5:] = np.where(parent[5:] >= 0, 1, -1)
    slices = profile.trace.slices.replace(parent=parent)
    odd = replace(profile, trace=replace(profile.trace, slices=slices))
    assert_same(odd, snapshot.read(saved(odd, tmp_path)))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(st.data())
def test_any_slices_come_back_whatever_their_depths_and_times(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 60))

    def drawn(dtype: str, least: int, most: int) -> np.ndarray:
        values = st.integers(least, most)
        return data.draw(stn.arrays(dtype, count, elements=values))

    profile = sample_profile()
    far = data.draw(st.sampled_from([1000, 2**40, 2**62]))
    track = np.sort(drawn("i4", 0, len(profile.trace.tracks) - 1))
    rows = np.arange(count)
    slices = Slices(
        start_ns=drawn("i8", -far, far),
        duration_ns=drawn("i8", 0, far),
        name=drawn("i4", -1, 5),
        category=drawn("i4", -1, 5),
        kind=drawn("i1", 0, 10),
        track=track,
        depth=drawn("i2", 0, data.draw(st.sampled_from([1, 6, 32767]))),
        parent=np.minimum(drawn("i4", -1, 60), rows - 1),
        correlation=drawn("i8", -1, data.draw(st.sampled_from([3, 2**62]))),
        step=np.full(count, -1),
        node=drawn("i4", -1, 5),
        group=np.full(count, -1),
    )
    trace = Trace(
        slices, profile.trace.tracks, Flows.empty(), profile.trace.counters, JsonText.blank(count)
    )
    memory = Memory.empty()
    odd = replace(profile, trace=trace, memory=memory, fusion=Fusion.empty(), notes=())
    with tempfile.TemporaryDirectory() as folder:
        assert_same(odd, snapshot.read(saved(odd, Path(folder))))


@pytest.mark.parametrize(
    "name", ["a100_train_control", "v100_resnet_ns", "mtia_rank_0"]
)  # the last two in whole nanoseconds
def test_columns_of_a_real_trace_take_a_tenth_of_it_and_everything_no_more_than_it(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    path = shared_data / f"{name}.json.gz"
    profile = open_path(path)
    assert isinstance(profile, Profile)
    original = path.stat().st_size
    assert snapshot.size_of([without(profile, {"arguments"})]) < original / 10
    out = saved(profile, tmp_path)
    assert out.stat().st_size < original
    assert_same(profile.trace.slices, snapshot.read(out).trace.slices)


def test_times_of_slow_clocks_take_less_and_come_back(tmp_path: Path) -> None:
    sizes, clocks = [], []
    for profile in (on_clock(125 / 3, 0), on_clock(1.0, 7)):
        path = saved(profile, tmp_path)
        assert_same(profile.trace.slices, snapshot.read(path).trace.slices)
        with zipfile.ZipFile(path) as opened:
            entry = json.loads(opened.read("manifest.json"))["members"]["0/trace/slices/start_ns"]
        sizes.append(path.stat().st_size)
        clocks.append(entry.get("clocks"))
    assert sizes[0] < 0.85 * sizes[1]
    assert clocks[1] is None
    assert {round(period_ns, 3) for period_ns, _ in clocks[0].values()} == {41.667}


def on_clock(period_ns: float, seed: int) -> Profile:
    """Two tracks of operators, a second track that begins much later, read from one clock."""
    generator = np.random.default_rng(seed)
    profile = sample_profile(blocks=8, steps=60)
    slices = profile.trace.slices
    rows = np.arange(len(slices)) >= len(slices) // 2
    ticks = np.cumsum(generator.integers(200, 4000, 2 * len(slices)) / period_ns).astype(np.int64)
    ticks[len(slices) :] += 10**5
    times_ns = np.floor(ticks * period_ns).astype(np.int64)
    start_ns, end_ns = times_ns[::2], times_ns[1::2]
    flat = slices.replace(
        start_ns=start_ns, duration_ns=end_ns - start_ns, depth=np.zeros_like(slices.depth),
        parent=np.full_like(slices.parent, -1), track=rows.astype(np.int32),
    )  # fmt: skip
    return replace(profile, trace=replace(profile.trace, slices=flat))


def test_damage_of_a_column_that_lzma_packed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_LZMA_GAIN", 1.1)
    values = np.random.default_rng(0).normal(0, 9, 50_000).astype(np.int8)
    data, entry = columns.encode(values)
    assert entry["packed"] == "lzma"
    assert columns.decode(data, entry, values.dtype).tobytes() == values.tobytes()
    for bad, rows in ((data[:-900], 50_000), (data, 40_000), (data, 60_000), (b"\x5d\0", 5)):
        with pytest.raises(BadColumn):
            columns.decode(bad, {**entry, "rows": rows}, values.dtype)


def test_arguments_of_a_large_file_stay_in_it_until_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_KEPT_IN_FILE_BYTES", 1000)
    profile = sample_profile(blocks=8, steps=60)
    path = saved(profile, tmp_path)
    opened = snapshot.read(path)
    assert_same(profile, opened)
    snapshot.write(opened, path)  # over the file that its arguments are in
    assert_same(profile, snapshot.read(path))
    assert_same(profile, opened)


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


def test_the_lines_in_the_readme_read_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (code,) = (part for part in readme.split("```python\n") if part.startswith("import json"))
    monkeypatch.chdir(tmp_path)
    for profile in (sample_profile(), on_clock(125 / 3, 0)):
        snapshot.write(profile, tmp_path / "X.twin")
        names: dict[str, Any] = {}
        exec(code.partition("```")[0], names)
        slices = profile.trace.slices
        told = f"{slices.start_ns.min()} {slices.duration_ns.sum()}\n"
        assert capsys.readouterr().out == told
        assert names["start_ns"].tolist() == slices.start_ns.tolist()
        for name in ("correlation", "node", "name"):
            stored = names["column"](f"0/trace/slices/{name}")
            assert stored.tolist() == getattr(slices, name).tolist()


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
        saved(sample_profile(), tmp_path),
        lambda _, manifest: manifest.update(version=[archive.MAJOR + 1, 0]),
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


def test_how_profiles_were_compared_travels_with_them(tmp_path: Path) -> None:
    profiles = [sample_profile(blocks=blocks) for blocks in (1, 2, 3)]
    turns = (Turns(0, 2, (10.5, 11.0), (9.0, 9.5), (0.125, 0.5)),)
    kept = KeptComparison(2, 0, per_sample=True, turns=turns)
    path = tmp_path / "three.twin"
    snapshot.write_all(profiles, path, kept)
    read, found = snapshot.read_compared(path)
    assert len(read) == 3
    assert found == kept
    assert found.turns_of(2, 0) == Turns(2, 0, (9.0, 9.5), (10.5, 11.0), (0.5, 0.125))
    assert found.turns_of(0, 1) is None
    assert found.moved({0: 1, 2: 0}) == KeptComparison(
        0, 1, per_sample=True, turns=(Turns(1, 0, (10.5, 11.0), (9.0, 9.5), (0.125, 0.5)),)
    )
    assert found.moved({0: 0, 1: 1}) is None


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"a": 0},
        {"a": 0, "b": 0},
        {"a": 0, "b": 2},
        {"a": -1, "b": 1},
        {"a": "x", "b": 1},
        {"a": 0, "b": 1, "turns": [{"a": 0, "b": 1, "a_ns": [1.0], "b_ns": []}]},
        {"a": 0, "b": 1, "turns": [{"a": 0, "b": 1, "a_ns": [0.0], "b_ns": [1.0]}]},
        {"a": 0, "b": 1, "turns": [{"a": 0, "b": 1, "a_ns": ["nan"], "b_ns": [1.0]}]},
        {"a": 0, "b": 1, "turns": [{"a": 0, "b": 7, "a_ns": [1.0], "b_ns": [1.0]}]},
        {"a": 0, "b": 1, "turns": 5},
        {"a": 10**400, "b": 1},
    ],
)
def test_a_comparison_that_makes_no_sense_is_left_out(told: object) -> None:
    assert KeptComparison.from_json(told, 2) is None
