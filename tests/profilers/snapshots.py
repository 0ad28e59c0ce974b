"""Snapshots to test with: written, edited by hand, and compared value by value."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from profilers import snapshot
from profilers.profile import (
    Profile,
    StringTable,
    Table,
)


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
