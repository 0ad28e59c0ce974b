"""A snapshot gives back what was saved, also to other versions."""

import json
import os
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

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
    Trace,
    Turns,
    decode,
)
from profilers.snapshot import archive, columns
from profilers.snapshot.parts import without
from tests.profilers.snapshots import assert_same, rewritten, saved
from tests.sample import sample_profile


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


def test_columns_that_say_nothing_are_not_in_the_file(tmp_path: Path) -> None:
    profile = sample_profile()
    slices = profile.trace.slices
    unlinked = slices.replace(step=np.full_like(slices.step, -1))
    trace = replace(profile.trace, slices=unlinked, counters=profile.trace.counters.empty())
    profile = replace(profile, trace=trace)
    path = saved(profile, tmp_path)
    with zipfile.ZipFile(path) as opened:
        members = json.loads(opened.read("manifest.json"))["members"]
    assert "0/trace/slices/node" in members
    assert "0/trace/slices/step" not in members
    assert not [name for name in members if name.startswith("0/trace/counters/")]
    assert_same(profile, snapshot.read(path))


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
