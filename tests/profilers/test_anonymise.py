"""An anonymous snapshot holds the measurements, and nothing that tells whose they are."""

import getpass
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.sharing import Sharing, save_shared, size_of_shared
from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.profile import JsonText, Note, Profile, StringPool, decode
from profilers.profile.references import broken_references
from profilers.snapshot.layer_names import LayerNames
from profilers.snapshot.parts import PARTS, Part, without
from profilers.snapshot.scan import scan
from profilers.snapshot.secrets import secrets_of
from tests.app.conftest import MODELS
from tests.conftest import Capture
from tests.sample import sample_profile

TELLING = (
    "/home/ada/secret-project/train.py", "ada", "gpu-box-17", r"C:\Users\ada\model.pt",
    "train.py:12", "file:///srv/models/net.onnx", "ada@example.org", "10.11.12.13",
)  # fmt: skip


def telling_profile() -> Profile:
    """The sample, with every place that can hold text telling something."""
    profile = sample_profile()
    slices = profile.trace.slices
    pool = StringPool(profile.strings)
    names = slices.name.copy()
    names[1] = pool.add("/home/ada/secret-project/train.py(12): forward")
    names[2] = pool.add("ran on GPU-Box-17 for Ada")
    arguments = [
        {"Call stack": f"{TELLING[0]}(12): f;{TELLING[3]}", "by": ["x", {"ada": 1}]}
        if row % 2
        else {"url": TELLING[5], "mail": TELLING[6], "from": TELLING[7], "Input Dims": [[1, 2]]}
        for row in range(len(slices))
    ]
    graph = profile.authored
    attributes = [{"source": "train.py:12"} for _ in range(len(graph.nodes))]
    groups = profile.fusion.groups
    source = np.full(len(groups), pool.add("# from /home/ada/secret-project/train.py"), np.int32)
    return replace(
        profile,
        name="/home/ada/model.pt",
        strings=pool.table(),
        trace=replace(
            profile.trace,
            slices=slices.replace(name=names),
            arguments=JsonText.from_objects(arguments),
        ),
        graphs=(replace(graph, attributes=JsonText.from_objects(attributes)),),
        fusion=replace(profile.fusion, groups=groups.replace(source=source)),
        environment=replace(
            profile.environment,
            facts={**profile.environment.facts, "Host": "gpu-box-17", "Log": "/var/log/ada/x"},
            request={"model_path": "/home/ada/model.pt", "steps": 3, "options": {"by": "ada"}},
        ),
        notes=(Note(2, "see /home/ada/notes, Ada", "Ada", 1),),
        extra={"later/text": b"by ada", "later/text#entry": b'{"encoding": "raw"}'},
    )


@pytest.mark.parametrize("hash_names", [False, True])
def test_nothing_that_tells_is_left_and_the_scan_would_have_found_it(
    tmp_path: Path, hash_names: bool
) -> None:
    profile = telling_profile()
    secrets = secrets_of([profile])
    assert {"ada", "gpu-box-17"} <= {word.lower() for word in secrets.words}
    open_file, closed = tmp_path / "open.twin", tmp_path / "closed.twin"
    snapshot.write(profile, open_file)
    found = {finding.member for finding in scan(open_file, secrets)}
    assert {"0/strings/text", "0/trace/arguments/data", "0 in manifest.json"} <= found
    assert {"0/graphs/0/attributes/data", "0/later/text"} <= found
    save_shared([profile], closed, Sharing(anonymise=True, hash_names=hash_names))
    assert scan(closed, secrets) == []
    read = snapshot.read(closed)
    texts = "\n".join(read.strings) + json.dumps(
        [decode(read.trace.arguments, row) for row in range(len(read.trace.slices))]
    )
    assert not [told for told in TELLING if told.lower() in texts.lower()]
    assert read.trace.slices.start_ns.tolist() == profile.trace.slices.start_ns.tolist()
    assert decode(read.trace.arguments, 0)["Input Dims"] == [[1, 2]]
    assert set(read.fusion.groups.source.tolist()) == {-1}
    assert read.notes[0].text == "see ‹path›, ‹name›"
    assert read.notes[0].author.startswith("author ")
    assert ("conv_0" in read.strings) is not hash_names
    assert "aten.conv2d" in read.strings
    assert read.environment.request["steps"] == 3


def test_hashed_names_are_the_same_in_every_snapshot(tmp_path: Path) -> None:
    names = []
    for blocks in (2, 4):
        path = tmp_path / f"{blocks}.twin"
        profile = sample_profile(blocks=blocks)
        save_shared([profile], path, Sharing(anonymise=True, hash_names=True))
        read = snapshot.read(path)
        assert not scan(path, secrets_of([]), LayerNames.of(profile))
        names.append([read.strings[row] for row in read.authored.nodes.name.tolist()])
    assert names[0][:-1] == names[1][: len(names[0]) - 1]
    assert len(set(names[1])) == len(names[1])


def test_a_snapshot_that_still_tells_something_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(profile: Profile, secrets: object, *, hash_names: bool) -> Profile:
        return profile

    monkeypatch.setattr("app.sharing.anonymised", forget)
    with pytest.raises(TwinscopeError, match="still in it"):
        save_shared([telling_profile()], tmp_path / "x.twin", Sharing(anonymise=True))
    assert list(tmp_path.iterdir()) == []


def test_a_real_capture_tells_neither_paths_nor_persons(
    capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    profile = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    path = tmp_path / "cnn.twin"
    save_shared([profile], path, Sharing(anonymise=True, hash_names=True))
    read = snapshot.read(path)
    assert read.trace.slices.duration_ns.tolist() == profile.trace.slices.duration_ns.tolist()
    told = "\n".join(read.strings)
    assert str(torch_files) not in told
    assert ".py" not in told
    assert getpass.getuser() not in read.environment.request.values()
    assert "model_path" not in read.environment.request
    assert any(text.startswith("aten::") for text in read.strings)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_each_part_can_be_left_out_and_takes_its_strings_along(part: Part, tmp_path: Path) -> None:
    profile = telling_profile()
    less = without(profile, {part.id})
    assert not broken_references(less)
    path = tmp_path / "less.twin"
    snapshot.write(less, path)
    assert path.stat().st_size <= snapshot.size_of([profile])
    assert set(less.strings) <= set(profile.strings)
    assert snapshot.read(path).environment.framework == profile.environment.framework


def test_without_the_timeline_only_its_own_strings_go(tmp_path: Path) -> None:
    less = without(sample_profile(), {"trace"})
    assert "aten::relu" not in less.strings
    assert "aten.relu" in less.strings
    assert set(less.memory.allocations.slice.tolist()) == {-1}


def test_the_size_is_told_before_saving(tmp_path: Path) -> None:
    profile, sharing = telling_profile(), Sharing(frozenset({"arguments"}), anonymise=True)
    save_shared([profile], tmp_path / "x.twin", sharing)
    assert size_of_shared([profile], sharing) == (tmp_path / "x.twin").stat().st_size


def test_the_command_line_leaves_out_hides_and_joins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.twin", tmp_path / "b.twin"
    snapshot.write(telling_profile(), first)
    snapshot.write(sample_profile(blocks=2), second)
    out = tmp_path / "pair.twin"
    arguments = ["snapshot", str(first), str(second), "--out", str(out), "--without", "arguments"]
    assert main([*arguments, "--anonymise", "--hide", "batch_norm"]) == 0
    profiles = snapshot.read_all(out)
    assert len(profiles) == 2
    assert not any(each.trace.arguments.text(0) for each in profiles)
    assert not any("batch_norm" in text for each in profiles for text in each.strings)
    assert main(["snapshot", str(out), "--only", "2", "--out", str(tmp_path / "c.twin")]) == 0
    assert len(snapshot.read(tmp_path / "c.twin").authored.nodes) == 8
    capsys.readouterr()
    assert main(["snapshot", str(out), "--only", "3", "--out", str(tmp_path / "d.twin")]) == 1
    assert main(["snapshot", str(first), "--hash-names", "--out", str(tmp_path / "d.twin")]) == 1
    assert "belong to --anonymise" in capsys.readouterr().err
    assert main(["stats", str(out)]) == 1
    assert "holds 2 profiles" in capsys.readouterr().err
