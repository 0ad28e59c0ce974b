"""SavedModel folders (or the saved_model.pb in one), read from the protobuf alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile
from profilers.graphs.tensorflow_protos import dtype_name, parse
from profilers.graphs.tf_dangers import saved_model_reaches
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.graphs.tf_nodes import VARIABLES, shape_of
from profilers.graphs.tf_saved_functions import function_names, graph_of_function
from profilers.graphs.tf_signature import subgraph_of, unwrapped
from profilers.models.frozen_graph_file import dangers, length_delimited
from profilers.models.model_file import ModelFile
from profilers.models.tf_inputs import spec, within_vocabulary
from profilers.probe import Probe
from profilers.profile import Environment, Graph, Profile, StringPool
from profilers.request import InputSpec

_FILE = "saved_model.pb"
_BEGINNING = b"\x08\x01\x12"  # schema version 1, then the first MetaGraphDef
_DEFAULT = "serving_default"
_MOST_NAMED = 5
_OF_THE_LOADER = "__saved_model"


def matches(probe: Probe) -> bool:
    """A folder with a saved_model.pb, or that file by its first fields, whatever its name."""
    if probe.is_folder:
        return _FILE in probe.folder_names
    span = length_delimited(probe.head, len(_BEGINNING) - 1, _BEGINNING[-1:])
    return probe.head.startswith(_BEGINNING) and span is not None and span[1] * 2 > probe.size


def inspect(path: Path) -> ModelFile:
    """Signatures, graph of the default one, and dangers of a SavedModel.

    Raises
    ------
    DamagedFile
        If saved_model.pb is cut or holds no graph.
    """
    file = path / _FILE if path.is_dir() else path
    folder = file.parent
    pool = StringPool()
    try:
        meta_graph = _meta_graph(file.read_bytes())
        signatures = _signatures(meta_graph)
        graph = _graph(meta_graph, signatures, pool)
        reaches = saved_model_reaches(meta_graph)
    except ValueError as error:
        raise DamagedFile.because(f"Cannot read the SavedModel {path.name}", error) from error
    strings = pool.table()
    cannot_run = _cannot_run(file, meta_graph, signatures)
    return ModelFile(
        folder,
        "saved-model",
        "SavedModel",
        "tensorflow",
        () if cannot_run else ("tf-graph", "tf-xla", "tf-eager", "tflite", "tf-onnxruntime"),
        within_vocabulary(_inputs(meta_graph, signatures), graph, strings),
        dangers(reaches),
        Profile(
            folder.name,
            strings,
            graphs=(graph,),
            environment=Environment(
                "tensorflow",
                model_name=folder.name,
                facts={"Saved by TensorFlow": meta_graph.meta_info_def.tensorflow_version},
            ),
        ),
        cannot_run,
        signatures,
        {name: tuple(_inputs(meta_graph, (name,))) for name in signatures[1:]},
    )


def _meta_graph(data: bytes) -> Any:
    """The graph for serving, else the first."""
    meta_graphs = parse("SavedModel", data).meta_graphs
    if not meta_graphs:
        raise ValueError(f"its {_FILE} holds no graph")
    serving = [meta for meta in meta_graphs if "serve" in meta.meta_info_def.tags]
    return (serving or meta_graphs)[0]


def _signatures(meta_graph: Any) -> tuple[str, ...]:
    """Names that a person can choose from, the default first."""
    names = [name for name in meta_graph.signature_def if not name.startswith(_OF_THE_LOADER)]
    return tuple(sorted(names, key=lambda name: (name != _DEFAULT, name)))


def _graph(meta_graph: Any, signatures: tuple[str, ...], pool: StringPool) -> Graph:
    """What the default signature computes, else the first function, else the whole graph."""
    functions = function_names(meta_graph)
    if signatures:
        outputs = meta_graph.signature_def[signatures[0]].outputs
        tensors = {name: outputs[name].name for name in sorted(outputs) if outputs[name].name}
        graph_def = meta_graph.graph_def
    elif functions:
        graph_def, tensors = graph_of_function(meta_graph, functions[0])
    else:
        return read_graph_def(meta_graph.graph_def, pool)
    whole, _ = unwrapped(subgraph_of(graph_def, tensors))
    return read_graph_def(whole, pool)


def _inputs(meta_graph: Any, signatures: tuple[str, ...]) -> list[InputSpec]:
    if not signatures:
        return []
    tensors: Mapping[str, Any] = meta_graph.signature_def[signatures[0]].inputs
    return [
        spec(name, dtype_name(tensors[name].dtype), shape_of(tensors[name].tensor_shape))
        for name in sorted(tensors)
    ]


def _cannot_run(file: Path, meta_graph: Any, signatures: tuple[str, ...]) -> str:
    if not signatures:
        functions = function_names(meta_graph)
        if not functions:
            return "The SavedModel has no signature and no function, so there is nothing to call."
        return (
            f"The SavedModel has no signature, only {', '.join(functions[:_MOST_NAMED])}, so nothing "
            f"says which function to call. Save it again with signatures=model.{functions[0]}."
        )
    if file.name != _FILE:
        return f"TensorFlow loads it only under the name {_FILE}, in the folder it was saved in."
    has_variables = any(node.op in VARIABLES for node in meta_graph.graph_def.node)
    if has_variables and not (file.parent / "variables" / "variables.index").is_file():
        return (
            "Its variables folder is missing, so the weights are unknown. "
            "Copy the whole folder, not saved_model.pb alone."
        )
    return ""
