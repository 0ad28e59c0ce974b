"""An anonymous snapshot holds the measurements, and nothing that tells whose they are."""

import getpass
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from app.sharing import Sharing, save_shared, size_of_shared
from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.graphs.module_tree import Module, module_graph
from profilers.profile import (
    Diagnostic,
    JsonText,
    MachinePeaks,
    Note,
    Profile,
    Report,
    Severity,
    StringPool,
    decode,
)
from profilers.profile.references import broken_references
from profilers.snapshot.anonymise import Scrubber
from profilers.snapshot.layer_names import LayerNames
from profilers.snapshot.parts import PARTS, Part, without
from profilers.snapshot.scan import scan
from profilers.snapshot.secrets import Secrets, secrets_of
from tests.app.conftest import MODELS
from tests.conftest import Capture
from tests.sample import sample_profile

TELLING = (
    "/home/ada/secret-project/train.py", "ada", "gpu-box-17", r"C:\Users\ada\model.pt",
    "train.py:12", "file:///srv/models/net.onnx", "ada@example.org", "10.11.12.13",
)  # fmt: skip
MOMENT_NS = 1_700_000_000_123_456_789


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
            facts={
                **profile.environment.facts,
                "Host": "gpu-box-17",
                "Log": "/var/log/ada/x",
                "Attached to": "trainbox:6009",
                "Recorded": "shapes, memory",
            },
            request={
                "model_path": "/home/ada/model.pt",
                "steps": 3,
                "options": {"by": "ada", "imports": "net9"},
            },
            peaks=MachinePeaks("CPU of trainbox", 1e12, 1e10, 2, "PyTorch", "2026-01-02T03:04:05"),
        ),
        start_unix_ns=MOMENT_NS,
        notes=(Note(2, "see /home/ada/notes, Ada", "Ada", MOMENT_NS),),
        reports=(
            Report(
                "Operators",
                "xprof 2.24.2",
                {"Host": "gpu-box-17", "Log": TELLING[0]},
                ("Operator",),
                (("conv_0",), (f"{TELLING[0]}:12 by ada",)),
            ),
        ),
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
    findings = scan(open_file, secrets)
    assert f"start_unix_ns {MOMENT_NS}" in {finding.text for finding in findings}
    found = {finding.member for finding in findings}
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
    assert read.environment.request["options"] == {"by": "‹name›"}
    assert read.environment.facts["Recorded"] == "shapes, memory"
    assert "Attached to" not in read.environment.facts
    peaks = read.environment.peaks
    assert (peaks.processor, peaks.float32, peaks.measured_on) == ("CPU of ‹name›", 1e12, "")
    assert (read.start_unix_ns, read.notes[0].written_unix_ns) == (0, 0)
    report = read.reports[0]
    assert "Host" not in report.facts
    assert [row[0] == "conv_0" for row in report.rows] == [not hash_names, False]


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


@pytest.mark.parametrize("layer", ["eager", "PyTorch", "cpu", "model", "Input", "relu", "test"])
def test_a_layer_that_bears_a_common_name_leaves_the_rest_readable(
    layer: str, tmp_path: Path
) -> None:
    profile = sample_profile()
    graph, pool = profile.authored, StringPool(profile.strings)
    names = graph.nodes.name.copy()
    names[1], names[2] = pool.add(layer), pool.add("secret_head")
    said = Diagnostic(Severity.INFO, "The model ran on the cpu; secret_head was not in it.")
    arguments = [{"Input Dims": [[1]]}] * len(profile.trace.slices)
    profile = replace(
        profile,
        strings=pool.table(),
        graphs=(replace(graph, nodes=graph.nodes.replace(name=names)),),
        trace=replace(profile.trace, arguments=JsonText.from_objects(arguments)),
        diagnostics=(said,),
    )
    path = tmp_path / "x.twin"
    save_shared([profile], path, Sharing(anonymise=True, hash_names=True))
    read = snapshot.read(path)
    assert re.fullmatch(
        r"The model ran on the cpu; x\w{7} was not in it\.", read.diagnostics[0].message
    )
    assert decode(read.trace.arguments, 0) == {"Input Dims": [[1]]}
    operators = [read.strings[row] for row in read.authored.nodes.operator.tolist()]
    assert "aten.relu" in operators
    assert read.environment.mode == profile.environment.mode


def test_classes_of_the_persons_own_are_hidden_where_they_are_operators(tmp_path: Path) -> None:
    pool = StringPool()
    tree = Module("", "acme.fraud.Scorer", children=(
        Module("stem", "torch.nn.modules.conv.Conv2d"), Module("gate", "acme.fraud.RiskGate"),
    ))  # fmt: skip
    graph = module_graph(tree, pool)
    profile = Profile("net.pt", strings=pool.table(), graphs=(graph,))
    path = tmp_path / "net.twin"
    save_shared([profile], path, Sharing(anonymise=True, hash_names=True))
    read = snapshot.read(path)
    nodes = read.authored.nodes
    told = [*read.strings, *(decode(read.authored.attributes, row)["class"] for row in range(2))]
    assert "torch.nn.modules.conv.Conv2d" in told
    assert "Conv2d" in [read.strings[row] for row in nodes.operator.tolist()]
    assert not [
        text for text in told for word in ("acme", "fraud", "Scorer", "Risk") if word in text
    ]


def test_a_trace_given_away_with_a_graph_hides_the_names_of_its_layers(tmp_path: Path) -> None:
    model = sample_profile()
    pool = StringPool(model.strings)
    names = model.trace.slices.name.copy()
    names[0] = pool.add("copy for conv_0")
    trace = replace(
        model,
        graphs=(),
        strings=pool.table(),
        trace=replace(model.trace, slices=model.trace.slices.replace(name=names)),
    )
    path = tmp_path / "pair.twin"
    save_shared([without(trace, {"graph"}), model], path, Sharing(anonymise=True, hash_names=True))
    told = [text for read in snapshot.read_all(path) for text in read.strings]
    assert not [text for text in told if "conv_0" in text]


def test_a_snapshot_that_still_tells_something_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(profile: Profile, secrets: object, layers: object) -> Profile:
        return profile

    monkeypatch.setattr("app.sharing.anonymised", forget)
    with pytest.raises(TwinscopeError, match="still in it"):
        save_shared([telling_profile()], tmp_path / "x.twin", Sharing(anonymise=True))
    assert list(tmp_path.iterdir()) == []


def test_a_real_capture_tells_neither_paths_nor_persons(
    capture: Capture, torch_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ssd2" / "home" / "zoe.quark" / "Secret Net"
    folder.mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder.parent))
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "zoe.quark")
    model = Path(shutil.copy(torch_files / "cnn.pt", folder / "cnn.pt"))
    profile = capture(model, "torch-eager", source_folder=str(MODELS))
    path = tmp_path / "cnn.twin"
    save_shared([profile], path, Sharing(anonymise=True, hash_names=True))
    read = snapshot.read(path)
    assert read.trace.slices.duration_ns.tolist() == profile.trace.slices.duration_ns.tolist()
    told = "\n".join(read.strings)
    told += json.dumps([decode(read.trace.arguments, row) for row in range(len(read.trace.slices))])
    told += json.dumps([dict(read.environment.request), dict(read.environment.facts)])
    assert not [word for word in ("ssd2", "zoe", "quark", "Secret", str(MODELS)) if word in told]
    assert ".py" not in told
    assert getpass.getuser() not in read.environment.request.values()
    assert "model_path" not in read.environment.request
    assert any(text.startswith("aten::") for text in read.strings)


_NAMES = st.sampled_from(["bob", "gpu-node7", "Secretnet", "run_3", "v1.2"])
_FOLDERS = st.lists(_NAMES, min_size=2, max_size=4)
_JOINED = {
    "unix": lambda names: "/scratch9/" + "/".join(names),
    "spaced": lambda names: "/d/My Data/" + "/".join(names),
    "windows": lambda names: "D:\\" + "\\".join(names),
    "forward": lambda names: "e:/" + "/".join(names),
    "program files": lambda names: "C:\\Program Files\\" + "\\".join(names),
    "share": lambda names: "\\\\" + "\\".join(names),
    "long": lambda names: "\\\\?\\C:\\" + "\\".join(names),
    "double": lambda names: "//" + "/".join(names),
    "home": lambda names: "~" + "/".join(names),
    "variable": lambda names: "${HOME}/" + "/".join(names),
    "percent": lambda names: "%APPDATA%\\" + "\\".join(names),
    "url": lambda names: "file:///" + "/".join(names),
    "bucket": lambda names: "s3a://" + "/".join(names),
    "relative": lambda names: "../" + "/".join(names),
    "file": lambda names: "/".join(names) + "/train.py",
    "ssh": lambda names: f"{names[0]}@{names[1]}:/x/" + "/".join(names),
    "mail": lambda names: f"{names[0]}@{names[1]}.example.com",
    "setting": lambda names: "HOSTNAME=" + names[0],
    "host": lambda names: f"{names[0]}.example.com:8080",
}
_AROUND = st.sampled_from(
    ["{}", "at {}", '  File "{}", line 12, in forward', "{}:12", "({})", "a={};b", "'{}'", "[{}]",
     "one {} two", "cannot open {}: no such file", "\n{}\n", "{},{}", "x.cc {}", "error in {}."]
)  # fmt: skip


@given(_FOLDERS, st.sampled_from(sorted(_JOINED)), _AROUND)
def test_places_of_any_form_are_hidden_wherever_they_stand(
    names: list[str], form: str, around: str
) -> None:
    text = around.replace("{}", _JOINED[form](names))
    secrets = Secrets(frozenset())
    hidden = Scrubber(secrets, None).text(text)
    assert not [name for name in ("bob", "gpu-node7", "Secretnet", "run_3") if name in hidden]
    assert not list(secrets.found_in(hidden))


@given(st.text(st.sampled_from("ab/\\.:@~ =-_1x\n\"'()"), max_size=60))
def test_what_is_left_of_a_text_has_nothing_more_to_hide(text: str) -> None:
    secrets = Secrets(frozenset({"aab"}))
    scrub = Scrubber(secrets, None)
    assert not list(secrets.found_in(scrub.text(text)))


@pytest.mark.parametrize(
    "text",
    ["aten::conv2d", "void at::native::elementwise_kernel<4, at::native::F>(int)", "x / y", "1/2",
     "resnet/block1/unit_2/bottleneck_v2/conv1/BatchNorm/FusedBatchNormV3", "float32[1,3,224,224]",
     "transformer.h.0/attn", "jit(train_step)/jit(main)/dot_general", "while/body/_1/while/add:0",
     "Memcpy HtoD (Pageable -> Device)", "torch 2.13.0+cpu", "StatefulPartitionedCall/cnn_1/Relu",
     "std::vector<float>::push_back", "triton_poi_fused_add_relu_0",
     "/layer1/layer1.0/conv1/Conv_kernel_time", "/layer1/layer1.0", "/layer1/layer1.0/conv1/Conv:0"],
)  # fmt: skip
def test_names_of_operators_kernels_and_nodes_stay(text: str) -> None:
    graph = sample_profile().authored
    pool = StringPool(sample_profile().strings)
    name = graph.nodes.name.copy()
    name[1] = pool.add("/layer1/layer1.0/conv1/Conv")
    graphs = (replace(graph, nodes=graph.nodes.replace(name=name)),)
    profile = replace(sample_profile(), strings=pool.table(), graphs=graphs)
    assert Scrubber(secrets_of([profile]), None).text(text) == text


def test_persons_of_arguments_are_hidden_elsewhere_too() -> None:
    profile = sample_profile()
    arguments = [{"stack": "USER=mallory ~trent/x"}] * len(profile.trace.slices)
    trace = replace(profile.trace, arguments=JsonText.from_objects(arguments))
    words = secrets_of([replace(profile, trace=trace)]).words
    assert {"mallory", "trent"} <= words


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
