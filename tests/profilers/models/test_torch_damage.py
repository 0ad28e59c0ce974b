"""Cut, crafted and oversized PyTorch files get a reason, in bounded time."""

import io
import json
import pickle
import random
import struct
import time
import zipfile
from pathlib import Path

import pytest

from profilers.errors import DamagedFile, TwinscopeError, UnrecognisedFile
from profilers.models import ModelFile
from profilers.opening import open_path
from tests.profilers.models.torch_archives import edit_program, saved_pickle

NAMES = ("cnn.pt2", "cnn.ts.pt", "cnn.pt", "cnn_state.pt", "cnn.safetensors")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_anywhere_is_refused(torch_files: Path, tmp_path: Path, name: str) -> None:
    content = (torch_files / name).read_bytes()
    path = tmp_path / name
    for share in (0.01, 0.1, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DamagedFile):
            open_path(path)
    for size in (0, 1, 3):
        path.write_bytes(content[:size])
        with pytest.raises(UnrecognisedFile):
            open_path(path)


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_never_break_the_reader(torch_files: Path, tmp_path: Path, name: str) -> None:
    content = (torch_files / name).read_bytes()
    rng = random.Random(name)
    path = tmp_path / name
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 4, 30))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed)
        assert _outcome(path)


def _outcome(path: Path) -> str:
    """The kind that a file was opened as, or why it was not."""
    try:
        opened = open_path(path)
    except TwinscopeError as error:
        return error.why
    return opened.kind if isinstance(opened, ModelFile) else ""


def test_a_cut_legacy_file_is_refused(tmp_path: Path) -> None:
    magic, protocol = 0x1950A86A20F9469CFC6C, 1001
    parts = [pickle.dumps(value, 2) for value in (magic, protocol, {}, {"epoch": 3}, [])]
    path = tmp_path / "legacy.pt"
    path.write_bytes(b"".join(parts))
    opened = open_path(path)
    assert isinstance(opened, ModelFile)
    assert opened.kind == "torch-state-dict"
    path.write_bytes(b"".join(parts)[:-20])
    with pytest.raises(DamagedFile):
        open_path(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_two_readers_could_take_differently_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    for second in ("archive/data.pkl", "archive/DATA.PKL"):
        path.write_bytes(saved_pickle({}))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(second, pickle.dumps({}, 2))
        with pytest.raises(DamagedFile, match="same name twice"):
            open_path(path)


def test_names_that_are_no_text_are_told_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(saved_pickle({"é": 1}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/é", b"")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(DamagedFile, match="text in it is no UTF-8"):
        open_path(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(200 << 20))
    with pytest.raises(DamagedFile, match="claims 209,715,200 bytes"):
        open_path(path)


def _module(children: bytes) -> bytes:
    """Opcodes of a module named m.N with the given children."""
    return b"cm\nN\n)\x81}(X\x08\x00\x00\x00_modules}(" + children + b"uub"


def _nested_modules(depth: int, copies: int) -> bytes:
    opcodes = b"\x80\x02" + _module(b"") + b"q\x01"
    names = [b"X\x01\x00\x00\x00" + bytes([97 + copy]) for copy in range(copies)]
    for _ in range(depth):
        opcodes += _module(b"".join(name + b"h\x01" for name in names)) + b"q\x01"
    return opcodes + b"."


BOMBS = {
    "a million nested lists": b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b".",
    "ten to the fortieth shared lists": (
        b"\x80\x02]" + (b"q\x00](" + b"h\x00" * 10 + b"e") * 40 + b"."
    ),
    "three to the sixtieth shared modules": _nested_modules(60, 3),
    "modules in modules": _nested_modules(3000, 1),
    "a key that takes for ever to hash": b"\x80\x02})" + b"2\x86" * 500 + b"Ns.",
    "more opcodes than a model has": b"\x80\x02" + b"N0" * 2_000_000 + b"N.",
    "a length beyond the file": b"\x80\x02\x8b\xff\xff\xff\x7f" + b"\xff" * 100,
    "a number of a million digits": b"\x80\x02L" + b"9" * 1_000_000 + b"L\n.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_pickle_bombs_end_soon(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(BOMBS[bomb])
    start = time.process_time()
    assert _outcome(path)
    assert time.process_time() - start < 20


def test_a_huge_memo_index_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"\x80\x02N" + b"r\xff\xff\xff\x7f" * 1000 + b".")
    assert isinstance(open_path(path), ModelFile)


def test_an_impossible_tensor_is_refused(tmp_path: Path) -> None:
    opcodes = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    opcodes += (
        b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00(I99999999999\nI99999999999\nt)tR."
    )
    stream = io.BytesIO(saved_pickle({}))
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            is_pickle = info.filename.endswith("data.pkl")
            new.writestr(info.filename, b"\x80\x02" + opcodes if is_pickle else old.read(info))
    with pytest.raises(DamagedFile, match="larger than any memory"):
        open_path(path)


def test_a_schema_of_the_future_is_refused_with_its_version(
    torch_files: Path, tmp_path: Path
) -> None:
    def raise_version(document: dict[str, dict[str, int]]) -> None:
        document["schema_version"]["major"] = 99

    path = edit_program(torch_files / "cnn.pt2", tmp_path / "new.pt2", raise_version)
    with pytest.raises(DamagedFile, match="version 99"):
        open_path(path)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "beyond the file"),
        ({"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 8]}, "not as large"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "impossible shape"),
        ({"dtype": "F32"}, "lacks 'shape'"),
    ],
)
def test_a_safetensors_table_must_fit_its_file(
    tmp_path: Path, entry: dict[str, object], reason: str
) -> None:
    header = json.dumps({"w": entry}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(DamagedFile, match=reason):
        open_path(path)
