"""The desktop entry and the type of `.twin` files, in a folder of the test's own."""

import configparser
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.cli import main
from profilers import snapshot
from tests.sample import sample_profile


@pytest.fixture
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data home 100%"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("org.twinscope.*")}


def test_installing_and_removing_leave_nothing_behind(
    data_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install-desktop"]) == 0
    told = capsys.readouterr().out.split("\n")
    assert all(Path(line).is_file() for line in told if line)
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(data_home / "applications" / "org.twinscope.Twinscope.desktop", "utf-8")
    command = entry["Desktop Entry"]["Exec"]
    assert command.startswith('"/')
    assert command.endswith(" %F")
    kinds = ElementTree.parse(data_home / "mime" / "packages" / "org.twinscope.Twinscope.xml")
    names = [element.get("type") for element in kinds.getroot()]
    assert entry["Desktop Entry"]["MimeType"] == f"{names[0]};"
    assert names == [snapshot.MIME_TYPE]
    assert main(["install-desktop", "--remove"]) == 0
    assert not files_in(data_home)
    capsys.readouterr()
    assert main(["install-desktop", "--remove"]) == 0
    assert "nothing" in capsys.readouterr().out


def test_the_magic_in_the_type_is_what_a_snapshot_begins_with(tmp_path: Path) -> None:
    path = tmp_path / "x.twin"
    snapshot.write(sample_profile(), path)
    wanted = b"mimetype" + snapshot.MIME_TYPE.encode()
    assert path.read_bytes()[30 : 30 + len(wanted)] == wanted


@pytest.mark.skipif(
    not shutil.which("desktop-file-validate"), reason="desktop-file-utils is absent"
)
def test_the_entry_is_valid(data_home: Path) -> None:
    assert main(["install-desktop"]) == 0
    entry = data_home / "applications" / "org.twinscope.Twinscope.desktop"
    done = subprocess.run(
        ["desktop-file-validate", str(entry)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
