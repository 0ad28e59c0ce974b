"""PyTorch exported programs (.pt2): the graph is plain JSON, read without torch and without trust."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.graphs.torch_export_json import (
    Json,
    parameter_names,
    read_exported_graph,
    tensor_meta,
    tensors_of,
)
from profilers.models.model_file import ModelFile
from profilers.models.torch_export_dangers import export_dangers
from profilers.models.torch_modes import PROGRAM_MODES
from profilers.models.torch_zip import TorchArchive, is_program, refusing_damage, torch_names
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool
from profilers.request import InputSpec

_MAJOR_VERSION = 8
_WEIGHTS = "data/weights/model_weights_config.json"
_BEFORE_2_7 = "serialized_exported_program.json"


def matches(probe: Probe) -> bool:
    names = torch_names(probe)
    return (
        any(map(is_program, names))
        or _BEFORE_2_7 in names
        or (not probe.zip_names and any(name.startswith("data/weights/") for name in names))
    )


def inspect(path: Path) -> ModelFile:
    """Graph, inputs and dangers of the archive's first program.

    Raises
    ------
    DamagedFile
        If the ZIP or the JSON is unsound, or of a schema that is not known.
    """
    with refusing_damage(path), TorchArchive(path) as archive:
        program = _main_program(archive)
        document = archive.read_json(program)
        version = document["schema_version"]["major"]
        if version != _MAJOR_VERSION:
            raise ValueError(
                f"its schema is version {version} and only {_MAJOR_VERSION} can be read; "
                "export the model again with a current PyTorch"
            )
        pool = StringPool()
        graph = read_exported_graph(document, pool, _first_names(archive))
        return ModelFile(
            path=path,
            kind="torch-export",
            title="PyTorch exported program",
            framework="torch",
            modes=PROGRAM_MODES,
            inputs=tuple(_inputs(document)),
            dangers=tuple(export_dangers(archive)),
            preview=Profile(
                path.name,
                strings=pool.table(),
                graphs=(graph,),
                environment=Environment(
                    framework="torch",
                    model_name=path.name,
                    facts={"Exported with PyTorch": str(document.get("torch_version", "?"))},
                ),
            ),
        )


def _main_program(archive: TorchArchive) -> str:
    """The program that ``torch.export.load`` takes: the one called "model", else the first."""
    programs = [name for name in archive.names if is_program(name)]
    if _BEFORE_2_7 in archive:
        raise ValueError("a PyTorch before 2.7 wrote it; export the model again with a current one")
    if not programs:
        raise ValueError("it holds no exported program")
    return "models/model.json" if "models/model.json" in programs else programs[0]


def _first_names(archive: TorchArchive) -> dict[str, str]:
    """For every weight, the first name in the table of those that lie at the same place."""
    if _WEIGHTS not in archive:
        return {}
    firsts: dict[str, str] = {}
    names = {}
    for name, entry in archive.read_json(_WEIGHTS)["config"].items():
        place = json.dumps([entry["path_name"], entry.get("tensor_meta")], sort_keys=True)
        names[name] = firsts.setdefault(place, name)
    return names


def _inputs(document: Json) -> Iterator[InputSpec]:
    """What a person must give: dtypes and sizes as exported, token ids inside their vocabulary."""
    module = document["graph_module"]
    metas = module["graph"]["tensor_values"]
    vocabularies = _vocabularies(module)
    for spec in module["signature"]["input_specs"]:
        for name in tensors_of(spec.get("user_input", {}).get("arg", {})):
            if name not in metas:
                yield InputSpec(name, "int64", (), guessed=True)
                continue
            dtype, shape = tensor_meta(metas[name])
            high = vocabularies.get(name)
            spec = InputSpec(
                name,
                dtype,
                tuple("?" if size is None else size for size in shape or ()),
                low=None if high is None else 0.0,
                high=high,
            )
            if not spec.is_concrete:
                examples = tuple(_example(size) for size in metas[name]["sizes"])
                spec = replace(spec, examples=examples)
            yield spec


def _example(size: dict[str, Any]) -> int:
    """The size that the program was exported with."""
    if "as_int" in size:
        return int(size["as_int"])
    return int((size["as_expr"].get("hint") or {}).get("as_int", 1))


def _vocabularies(module: Json) -> dict[str, float]:
    """Number of rows of the embedding table that an input indexes, by the input's name."""
    graph = module["graph"]
    parameters = parameter_names(module["signature"])
    found: dict[str, float] = {}
    for node in graph["nodes"]:
        if node["target"] != "torch.ops.aten.embedding.default":
            continue
        weight, indices = [name for item in node["inputs"][:2] for name in tensors_of(item["arg"])]
        rows = graph["tensor_values"][weight]["sizes"][0].get("as_int")
        if weight in parameters and isinstance(rows, int):
            found[indices] = min(float(rows), found.get(indices, float(rows)))
    return found
