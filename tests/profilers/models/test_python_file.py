"""Python files and names of models are read for what they offer; none of them is executed."""

from pathlib import Path

import pytest

from profilers.errors import DamagedFile, TwinscopeError
from profilers.models import ModelFile
from profilers.models.library_names import folder_of, library_names
from profilers.opening import open_path

SOURCE = '''
import torch
from torch import nn
from beside import width
from pathlib import Path

Path("RAN").touch()


class Part(nn.Module):
    """A part."""

    def __init__(self, size=4):
        super().__init__()


class Net(nn.Module):
    def __init__(self, *, size=4):
        super().__init__()
        self.part = Part(size)


class Derived(Net):
    pass


class NeedsSize(nn.Module):
    def __init__(self, size):
        super().__init__()


class NoModule:
    pass


def helper():
    return 3


def by_result():
    return nn.Linear(2, 2)


def build_model(size):
    return Net(size=size)


def make_model():
    """The one that was trained."""
    return Net()


def example_inputs():
    return torch.ones(1, 4)
'''


def opened(path: Path) -> ModelFile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return model


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.py"
    path.write_text(SOURCE)
    (tmp_path / "beside.py").write_text("width = 4\n")
    return path


def test_what_can_make_a_model_is_offered_the_likeliest_first(source: Path) -> None:
    model = opened(source)
    assert model.kind == "torch-python"
    assert model.signatures == ("make_model", "by_result", "Derived", "Net", "Part")
    sentences = [note.message for note in model.preview.diagnostics]
    assert any("make_model()" in each and "The one that was trained" in each for each in sentences)
    assert any("example_inputs()" in each for each in sentences)
    assert not Path("RAN").exists()


def test_running_it_needs_trust_and_names_the_code_beside_it(source: Path) -> None:
    model = opened(source)
    assert model.needs_trust
    assert "import beside" in [danger.call for danger in model.dangers]
    assert "import torch" not in [danger.call for danger in model.dangers]


def test_python_is_told_by_content_under_another_name(source: Path) -> None:
    other = source.with_name("model.txt")
    other.write_text(SOURCE)
    assert opened(other).kind == "torch-python"
    other.write_text("import this\nis no program at all\n")
    with pytest.raises(TwinscopeError, match="plain text"):
        open_path(other)


def test_a_name_behind_the_file_is_the_first_entry(source: Path) -> None:
    assert opened(Path(f"{source}:Net")).signatures[0] == "Net"


def test_a_file_without_a_model_says_what_to_add(tmp_path: Path) -> None:
    path = tmp_path / "empty.py"
    path.write_text("def main(argument):\n    pass\n")
    assert "make_model()" in opened(path).cannot_run
    path.write_text("import keras\ndef make_model():\n    return keras.Sequential()\n")
    assert "keras" in opened(path).cannot_run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def make_model(:\n", "line 1"),
        ("x = " + "(" * 5000, "no Python"),
        ("\0", "no Python"),
    ],
)
def test_broken_source_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import torch\n" if text == "\0" else text)
    if text == "\0":
        path.write_bytes(b"import torch\n\xff\xfe")
    with pytest.raises(DamagedFile, match=told):
        open_path(path)


def test_a_library_that_is_missing_is_told_with_its_command() -> None:
    if folder_of("timm") is not None:
        pytest.skip("timm is installed here")
    with pytest.raises(TwinscopeError, match="pip install timm"):
        open_path(Path("timm:resnet50"))


def test_names_of_libraries_are_read_from_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "torchvision" / "models"
    models.mkdir(parents=True)
    (tmp_path / "torchvision" / "__init__.py").write_text("raise SystemExit('was imported')\n")
    (models / "resnet.py").write_text(
        "@register_model()\n@handle_legacy_interface(\n    weights=('x', 1))\n"
        "def resnet18(*, weights=None):\n    pass\n\n"
        '@register_model(name="quantized_net")\ndef net():\n    pass\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    library_names.cache_clear()
    try:
        assert set(library_names("torchvision")) >= {"resnet18", "quantized_net"}
        assert opened(Path("torchvision:resnet18")).modes[0] == "torch-eager"
        with pytest.raises(TwinscopeError, match="resnet18"):
            open_path(Path("torchvision:resnet19"))
    finally:
        library_names.cache_clear()
