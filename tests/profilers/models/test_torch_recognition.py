"""PyTorch files are told apart by content, with what each can do."""

import shutil
import zipfile
from pathlib import Path

import pytest

from profilers.models import ModelFile
from profilers.models.torch_modes import MODULE_MODES, PROGRAM_MODES
from profilers.opening import open_path
from tests.profilers.models.torch_archives import inspected, parameter_shapes

KINDS = {
    "cnn.pt2": ("torch-export", PROGRAM_MODES),
    "cnn.ts.pt": ("torchscript", ("torchscript",)),
    "cnn.pt": ("torch-module", MODULE_MODES),
    "cnn_state.pt": ("torch-state-dict", MODULE_MODES),
    "cnn.safetensors": ("safetensors", MODULE_MODES),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind_is_told_by_content_under_any_name(
    torch_files: Path, tmp_path: Path, name: str
) -> None:
    renamed = tmp_path / "model.bin"
    shutil.copy(torch_files / name, renamed)
    model = open_path(renamed)
    assert isinstance(model, ModelFile)
    assert (model.kind, model.modes) == KINDS[name]
    assert bool(model.cannot_run) == (not model.modes)


def test_every_form_holds_the_same_parameters(torch_files: Path) -> None:
    tables = []
    for name in KINDS:
        preview = inspected(torch_files / name).preview
        tables.append(parameter_shapes(preview, preview.authored))
    assert tables[0]["stem.0.weight"] == ("float32", "16,3,3,3")
    assert tables[0]["stem.1.num_batches_tracked"] == ("int64", "")
    assert all(table == tables[0] for table in tables[1:])


@pytest.mark.parametrize("name", ["cnn_state.pt", "cnn.safetensors"])
def test_weights_alone_say_what_is_missing(torch_files: Path, name: str) -> None:
    model = inspected(torch_files / name)
    assert model.needs_code
    assert "name the code" in model.preview.diagnostics[0].remedy
    assert not model.needs_trust
    graph = model.preview.authored
    names = [model.preview.strings[row] for row in graph.nodes.name]
    assert sorted(names) == ["body.0", "body.1", "head", "stem.0", "stem.1"]
    head = names.index("head")
    assert graph.nodes.parameter_bytes[head] == 4 * (32 * 10 + 10)


def test_compiled_package_is_recognised_as_native_code(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    folder = "model/data/aotinductor/model"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/abc.wrapper.cpp", "int main();")
        archive.writestr(f"{folder}/abc.wrapper_metadata.json", '{"AOTI_DEVICE_KEY": "cpu"}')
        archive.writestr(f"{folder}/abc.wrapper.so", b"\x7fELF")
        archive.writestr("model/archive_format", "pt2")
    model = inspected(path)
    assert (model.kind, model.modes) == ("torch-aoti", ("torch-aoti",))
    assert model.inputs == ()  # its code does not tell
    assert [danger.call for danger in model.dangers] == ["native code"]
    assert model.preview.environment.facts == {"AOTI_DEVICE_KEY": "cpu"}
