"""What loading a file would call is listed, and nothing of it happens while looking."""

import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from profilers.models.pickle_dangers import is_plain, is_severe
from profilers.models.pickle_scan import Global, UnsoundPickle, scan
from tests.profilers.models.torch_archives import (
    Touch,
    edit_archive,
    edit_program,
    inspected,
    saved_pickle,
)


def test_a_pickled_module_names_its_classes_first(torch_files: Path) -> None:
    dangers = inspected(torch_files / "block.pt").dangers
    assert [danger.call for danger in dangers[:2]] == ["torch_zoo.Block", "torch_zoo.Attention"]
    assert "torch.nn.modules.linear.Linear" in {danger.call for danger in dangers}
    assert not any(danger.severe for danger in dangers)


@pytest.mark.parametrize(
    "name", ["cnn_state.pt", "cnn.safetensors", "control.pt2", "control.ts.pt", "block.pt2"]
)
def test_plain_files_call_nothing(torch_files: Path, name: str) -> None:
    assert inspected(torch_files / name).dangers == ()


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_pickle_that_runs_a_command_is_severe_and_never_runs(
    tmp_path: Path, protocol: int
) -> None:
    path, touched = tmp_path / "evil.pt", tmp_path / "touched"
    path.write_bytes(saved_pickle({"weights": Touch(touched)}, protocol))
    (danger,) = inspected(path).dangers
    assert danger.call == f"{Touch(touched).__reduce__()[0].__module__}.system"
    assert danger.severe
    assert not touched.exists()


def test_a_bare_pickle_is_told_and_cannot_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "touched")))
    model = inspected(path)
    assert model.modes == ()
    assert "plain pickle" in model.cannot_run
    assert model.dangers[0].severe
    assert not (tmp_path / "touched").exists()


def test_names_hidden_in_the_memo_are_found() -> None:
    hidden = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x9400h\x00h\x01\x93\x8c\x02ls\x85R."
    assert scan(io.BytesIO(hidden)).globals == (Global("posix", "system"),)


def test_a_computed_name_is_refused() -> None:
    with pytest.raises(UnsoundPickle, match="computes the name"):
        scan(io.BytesIO(b"\x80\x04\x8c\x02os]\x93."))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("operator", "call"),
        ("importlib", "import_module"), ("torch.hub", "load"), ("torch._dynamo.utils", "run"), ("torch.storage", "_load_from_bytes"),
        ("torch.fx.graph_module", "reduce_graph_module"), ("torch.serialization", "os.system"),
        ("torch.nn", "modules.module.warnings.sys"), ("numpy.testing._private.utils", "runstring"),
        ("logging.config", "listen"),
    ],
)  # fmt: skip
def test_alarming_globals(module: str, name: str) -> None:
    assert is_severe(Global(module, name))
    assert not is_plain(Global(module, name))


@pytest.mark.parametrize(
    ("module", "name"),
    [("zoo", "Net"), ("torch.nn.modules.conv", "Conv2d"), ("argparse", "Namespace"),
     ("torch._C._nn", "gelu"), ("torch._dynamo.eval_frame", "OptimizedModule"),
     ("pathlib", "PosixPath"),
     ("zoo", "Net.Inner")],
)  # fmt: skip
def test_ordinary_globals_are_shown_without_alarm(module: str, name: str) -> None:
    assert not is_severe(Global(module, name))
    assert not is_plain(Global(module, name))


def test_pickles_inside_an_exported_program_are_scanned(torch_files: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    def poison(name: str, content: bytes) -> bytes:
        return saved_pickle(Touch(touched)) if "/sample_inputs/" in name else content

    (danger,) = inspected(
        edit_archive(torch_files / "cnn.pt2", tmp_path / "evil.pt2", poison)
    ).dangers
    assert danger.severe
    assert danger.where == "data/sample_inputs/model.pt"
    assert not touched.exists()


def test_a_pickled_weight_is_scanned_whatever_its_case(torch_files: Path, tmp_path: Path) -> None:
    def poison(name: str, content: bytes) -> bytes:
        if name.endswith("/model_weights_config.json"):
            table = json.loads(content)
            entry = next(iter(table["config"].values()))
            entry.update(use_pickle=True, path_name=entry["path_name"].upper())
            return json.dumps(table).encode()
        return saved_pickle(Touch(tmp_path / "x")) if name.endswith("/weight_0") else content

    model = inspected(edit_archive(torch_files / "cnn.pt2", tmp_path / "evil.pt2", poison))
    assert [danger.severe for danger in model.dangers] == [True]


def _first_size(document: dict[str, Any]) -> None:
    metas = document["graph_module"]["graph"]["tensor_values"]
    metas["x"]["sizes"][0] = {"as_expr": {"expr_str": "__import__('os').system('ls')"}}


def _guard(document: dict[str, Any]) -> None:
    document["guards_code"] = ["__import__('os').system('ls') == 0"]


def _operator(document: dict[str, Any]) -> None:
    document["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.system"


@pytest.mark.parametrize("edit", [_first_size, _guard, _operator])
def test_python_in_the_json_of_an_exported_program_is_severe(
    torch_files: Path, tmp_path: Path, edit: Any
) -> None:
    (danger,) = inspected(
        edit_program(torch_files / "cnn.pt2", tmp_path / "evil.pt2", edit)
    ).dangers
    assert danger.severe
    assert "system" in danger.call


def test_ordinary_guards_are_no_danger(torch_files: Path, tmp_path: Path) -> None:
    def guard(document: dict[str, Any]) -> None:
        document["guards_code"] = [
            "(L['x'].size()[0] % 4) == 0",
            "(1 + ((-1) + L['x'].size()[3]) // 2) != max(1, L['x']['k'].size()[2] // 3)",
        ]

    path = edit_program(torch_files / "cnn.pt2", tmp_path / "guarded.pt2", guard)
    assert not inspected(path).needs_trust


def test_torchscript_that_touches_files_is_told(torch_files: Path, tmp_path: Path) -> None:
    def write(name: str, content: bytes) -> bytes:
        return content.replace(b"torch.relu(", b"torch.save(") if name.endswith(".py") else content

    path = edit_archive(torch_files / "control.ts.pt", tmp_path / "evil.pt", write)
    assert [danger.call for danger in inspected(path).dangers] == ["torch.save"]


def test_no_framework_is_imported_to_look(torch_files: Path) -> None:
    before = set(sys.modules)
    for name in ("cnn.pt2", "cnn.ts.pt", "cnn.pt", "cnn_state.pt"):
        inspected(torch_files / name)
    assert not {"torch", "torch_zoo"} & (set(sys.modules) - before)
