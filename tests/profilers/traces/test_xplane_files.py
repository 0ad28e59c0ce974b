"""Files, sessions and logdirs of xplane traces, plain and gzip."""

import gzip
import os
from pathlib import Path

import pytest

from profilers import snapshot
from profilers.errors import Cancelled, DamagedFile
from profilers.opening import open_path
from profilers.probe import Probe
from profilers.profile import Profile, Severity, decode
from profilers.traces import xplane
from profilers.traces.xplane_batches import BATCH_EVENTS
from tests.profilers.traces.made_xspace import MadeSpace

NEWEST, OLDER = "2026_02_01_00_00_00", "2026_01_31_23_59_59"


def host(name: str) -> MadeSpace:
    space = MadeSpace()
    plane = space.plane("/host:CPU")
    plane.event(plane.line("python"), name, 0, 10, size=3, label="größe")
    return space


def shown(path: Path) -> list[str]:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return [profile.strings[name] for name in profile.trace.slices.name]


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    sessions = tmp_path / "logs" / "plugins" / "profile"
    for session in (NEWEST, OLDER):
        for each in "ab":
            host(f"{session} {each}").write(sessions / session / f"host-{each}.xplane.pb")
    (sessions / OLDER / "ALL_HOSTS.op_stats_v2.pb").write_bytes(b"")
    return tmp_path / "logs"


def test_a_session_opens_as_one_profile(logdir: Path) -> None:
    session = logdir / "plugins" / "profile" / OLDER
    profile = xplane.read(session, lambda fraction: None)
    assert profile.trace.tracks.rank.tolist() == [0, 1]
    assert {profile.strings[name] for name in profile.trace.tracks.process} == {
        "host-a: CPU",
        "host-b: CPU",
    }
    assert profile.diagnostics == ()


@pytest.mark.parametrize("inner", [".", "plugins", "plugins/profile"])
def test_the_newest_session_of_a_logdir_is_shown_and_said(logdir: Path, inner: str) -> None:
    assert shown(logdir / inner) == [f"{NEWEST} a", f"{NEWEST} b"]
    (told,) = xplane.read(logdir / inner, lambda fraction: None).diagnostics
    assert told.severity == Severity.INFO
    assert "2 profiling sessions" in told.message
    assert NEWEST in told.message
    assert OLDER in told.remedy


def test_a_logdir_with_several_runs_is_one_of_sessions(logdir: Path) -> None:
    assert shown(logdir.parent) == [f"{NEWEST} a", f"{NEWEST} b"]


def test_sessions_without_times_in_their_names_go_by_their_files(tmp_path: Path) -> None:
    sessions = tmp_path / "plugins" / "profile"
    for age, session in enumerate(("before", "after")):
        file = host(session).write(sessions / session / "h.xplane.pb")
        os.utime(file, (10**9 + age, 10**9 + age))
    assert shown(tmp_path) == ["after"]


@pytest.mark.parametrize("names", [(), ("saved_model.pb",), ("xplane.pb",)])
def test_other_folders_are_no_logdirs(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "plugins" / "profile" / "empty").mkdir(parents=True)
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert not xplane.matches(Probe(tmp_path))


def test_a_gzip_file_is_recognised_by_content(tmp_path: Path) -> None:
    plain = host("packed").write(tmp_path / "plain.xplane.pb").read_bytes()
    packed = tmp_path / "trace.bin"
    packed.write_bytes(gzip.compress(plain))
    assert shown(packed) == ["packed"]


def test_a_gzip_file_of_a_session_is_read(tmp_path: Path) -> None:
    plain = host("packed").write(tmp_path / "a.xplane.pb").read_bytes()
    (tmp_path / "b.xplane.pb.gz").write_bytes(gzip.compress(plain))
    assert shown(tmp_path) == ["packed", "packed"]


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    plain = host("packed").write(tmp_path / "plain.xplane.pb").read_bytes()
    packed = gzip.compress(plain)
    cut = tmp_path / "cut.xplane.pb.gz"
    for length in range(2, len(packed)):
        cut.write_bytes(packed[:length])
        with pytest.raises(DamagedFile, match="cut or damaged"):
            xplane.read(cut, lambda fraction: None)


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profilers.traces.xplane_files.MOST_BYTES", 1_000_000)
    bomb = tmp_path / "bomb.xplane.pb.gz"
    bomb.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DamagedFile, match="larger"):
        xplane.read(bomb, lambda fraction: None)


def test_a_host_that_cannot_be_read_leaves_the_others(logdir: Path) -> None:
    session = logdir / "plugins" / "profile" / NEWEST
    broken = session / "host-a.xplane.pb"
    broken.write_bytes(broken.read_bytes()[:-1])
    profile = xplane.read(session, lambda fraction: None)
    (told,) = profile.diagnostics
    assert (told.severity, told.count) == (Severity.ERROR, 1)
    assert "1 of 2 hosts" in told.message
    assert "host-a" in told.message
    assert len(profile.trace.slices) == 1


def many(path: Path) -> Path:
    space = MadeSpace()
    plane = space.plane("/host:CPU")
    line = plane.line("python")
    for number in range(3 * BATCH_EVENTS):
        plane.event(line, "work", number * 10, 5)
    return space.write(path)


def test_progress_grows_and_can_cancel(tmp_path: Path) -> None:
    path, told = many(tmp_path / "many.xplane.pb"), []
    xplane.read(path, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) >= 6

    def cancel(fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        xplane.read(path, cancel)


def test_a_snapshot_keeps_the_arguments(tmp_path: Path) -> None:
    profile = xplane.read(host("work").write(tmp_path / "a.xplane.pb"), lambda fraction: None)
    snapshot.write(profile, tmp_path / "a.twin")
    again = snapshot.read(tmp_path / "a.twin")
    assert decode(profile.trace.arguments, 0) == {"size": 3, "label": "größe"}
    assert decode(again.trace.arguments, 0) == {"size": 3, "label": "größe"}
