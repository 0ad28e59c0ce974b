"""Edited copies of real PyTorch archives, and pickles that would act if anyone loaded them."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from profilers.models import ModelFile, format_of
from profilers.probe import Probe
from profilers.profile import Graph, Profile

Edit = Callable[[str, bytes], bytes]


def inspected(path: Path) -> ModelFile:
    """What the registered formats make of a file."""
    recognised = format_of(Probe(path))
    assert recognised is not None
    return recognised.inspect(path)


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._command = f"touch {path}"

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


def edit_archive(source: Path, target: Path, edit: Edit) -> Path:
    """Copy a ZIP with each member passed through `edit(name, content)`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, edit(info.filename, old.read(info)))
    return target


def edit_program(source: Path, target: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """Copy an exported program with its JSON changed in place."""

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith("/models/model.json"):
            return content
        document = json.loads(content)
        edit(document)
        return json.dumps(document).encode()

    return edit_archive(source, target, change)


def saved_pickle(value: object, protocol: int = 2) -> bytes:
    """A ZIP as ``torch.save`` lays it out around the pickle of `value`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, protocol))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def node_rows(profile: Profile, graph: Graph) -> dict[str, int]:
    """Rows of the main graph's nodes by name."""
    return {
        profile.strings[name]: row
        for row, name in enumerate(graph.nodes.name)
        if graph.nodes.subgraph[row] < 0
    }


def scope_path(profile: Profile, graph: Graph, row: int) -> list[tuple[str, str]]:
    """(name, class) of a node's scopes from the outside in."""
    scope = graph.nodes.scope[row]
    path: list[tuple[str, str]] = []
    while scope >= 0:
        name, kind = graph.scopes.name[scope], graph.scopes.kind[scope]
        path.insert(0, (profile.strings[name], profile.strings[kind]))
        scope = graph.scopes.parent[scope]
    return path


def parameter_shapes(profile: Profile, graph: Graph) -> dict[str, tuple[str, str]]:
    """(dtype, shape) of every parameter by name."""
    text = profile.strings
    table = graph.parameters
    rows = zip(table.name, table.dtype, table.shape, strict=True)
    return {text[name]: (text[dtype], text[shape]) for name, dtype, shape in rows}
