"""SavedModel folders (or the saved_model.pb in one), read from the protobuf alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile
from profilers.graphs.tensorflow_protos import dtype_name, parse_file
from profilers.graphs.tf_dangers import saved_model_reaches
from profilers.graphs.tf_ends import session_ends
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.graphs.tf_nodes import VARIABLES, shape_of
from profilers.graphs.tf_references import split_input
from profilers.graphs.tf_saved_functions import (
    SavedFunction,
    graph_of_function,
    inputs_of_function,
    saved_functions,
    untraced_functions,
)
from profilers.graphs.tf_signature import subgraph_of, unwrapped
from profilers.models.frozen_graph_file import dangers, length_delimited
from profilers.models.model_file import ModelFile
from profilers.models.tf_inputs import placeholder_specs, spec, spec_in, within_vocabulary
from profilers.probe import Probe
from profilers.profile import (
    Diagnostic,
    Environment,
    Graph,
    Profile,
    Severity,
    StringPool,
)
from profilers.request import InputSpec

_FILE = "saved_model.pb"
_BEGINNING = b"\x08\x01\x12"  # schema version 1, then the first MetaGraphDef
_DEFAULT = "serving_default"
_MODES = ("tf-graph", "tf-xla", "tf-eager", "tflite", "tf-onnxruntime")
_MOST_NAMED = 5
_Ends = tuple[Sequence[str], Sequence[str]]  # where a graph without signatures begins and ends
_OF_THE_LOADER = "__saved_model"


def matches(probe: Probe) -> bool:
    """A folder with a saved_model.pb, or that file by its first fields, whatever its name."""
    if probe.is_folder:
        return _FILE in probe.folder_names
    span = length_delimited(probe.head, len(_BEGINNING) - 1, _BEGINNING[-1:])
    return probe.head.startswith(_BEGINNING) and span is not None and span[1] * 2 > probe.size


def inspect(path: Path) -> ModelFile:
    """Signatures, graph of the default one, and dangers of a SavedModel.

    Where it has no signature, its functions are what a person can choose from.

    Raises
    ------
    DamagedFile
        If saved_model.pb is cut or holds no graph.
    """
    file = path / _FILE if path.is_dir() else path
    folder = file.parent
    pool = StringPool()
    try:
        meta_graph = _meta_graph(file)
        signatures = _signatures(meta_graph)
        functions = [] if signatures else saved_functions(meta_graph)
        is_bare = not signatures and not functions and not meta_graph.object_graph_def.nodes
        ends = session_ends(meta_graph.graph_def.node) if is_bare else ([], [])
        inputs = _inputs(meta_graph, signatures, functions)
        own = (
            placeholder_specs(meta_graph.graph_def.node, ends[0])
            if is_bare
            else inputs.get(next(iter(inputs), ""), ())
        )
        graph = _graph(meta_graph, signatures, functions, ends[1], pool)
        reaches = saved_model_reaches(meta_graph)
    except ValueError as error:
        raise DamagedFile.because(f"Cannot read the SavedModel {path.name}", error) from error
    strings, names = pool.table(), tuple(inputs)
    cannot_run = _without_entry(meta_graph, names, ends) or _incomplete(file, meta_graph)
    return ModelFile(
        folder,
        "saved-model",
        "SavedModel",
        "tensorflow",
        () if cannot_run else _MODES,
        within_vocabulary(own, graph, strings),
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
            diagnostics=_from_end_to_end(ends) if is_bare and not cannot_run else (),
        ),
        cannot_run,
        names,
        {name: inputs[name] for name in names[1:]},
        entries_are="function" if functions else "signature",
    )


def _meta_graph(file: Path) -> Any:
    """The graph for serving, else the first."""
    meta_graphs = parse_file("SavedModel", file).meta_graphs
    if not meta_graphs:
        raise ValueError(f"its {_FILE} holds no graph")
    serving = [meta for meta in meta_graphs if "serve" in meta.meta_info_def.tags]
    return (serving or meta_graphs)[0]


def _signatures(meta_graph: Any) -> tuple[str, ...]:
    """Names that a person can choose from, the default first."""
    names = [name for name in meta_graph.signature_def if not name.startswith(_OF_THE_LOADER)]
    return tuple(sorted(names, key=lambda name: (name != _DEFAULT, name)))


def _graph(
    meta_graph: Any,
    signatures: Sequence[str],
    functions: Sequence[SavedFunction],
    results: Sequence[str],
    pool: StringPool,
) -> Graph:
    """What the default signature computes, else the first function, else the graph up to `results`,
    else all of it."""
    if signatures:
        outputs = meta_graph.signature_def[signatures[0]].outputs
        tensors = {name: outputs[name].name for name in sorted(outputs) if outputs[name].name}
        graph_def = meta_graph.graph_def
    elif functions:
        graph_def, tensors = graph_of_function(meta_graph, functions[0])
    elif results:
        graph_def, tensors = meta_graph.graph_def, {f"{name}:0": name for name in results}
    else:
        return read_graph_def(meta_graph.graph_def, pool)
    whole, _ = unwrapped(subgraph_of(graph_def, tensors))
    return read_graph_def(whole, pool)


def _inputs(
    meta_graph: Any, signatures: Sequence[str], functions: Sequence[SavedFunction]
) -> dict[str, tuple[InputSpec, ...]]:
    """What each signature or function takes, the default first."""
    given: dict[str, tuple[InputSpec, ...]] = {}
    for name in signatures:
        tensors: Mapping[str, Any] = meta_graph.signature_def[name].inputs
        given[name] = tuple(
            replace(
                spec_in(
                    meta_graph.graph_def.node,
                    split_input(tensors[each].name)[0],
                    dtype_name(tensors[each].dtype),
                    shape_of(tensors[each].tensor_shape),
                ),
                name=each,
            )
            for each in sorted(tensors)
        )
    for function in functions:
        given[function.name] = tuple(
            spec(*argument) for argument in inputs_of_function(meta_graph, function)
        )
    return given


def _from_end_to_end(ends: _Ends) -> tuple[Diagnostic, ...]:
    given, results = map(_joined, ends)
    told = f"The SavedModel has no signature: it runs from {given} to {results}."
    remedy = "Save it with a signature_def if something else was meant."
    return (Diagnostic(Severity.INFO, told, remedy),)


def _joined(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _without_entry(meta_graph: Any, names: Sequence[str], ends: _Ends) -> str:
    """Why there is nothing to call, "" if there is something."""
    if names or ends[1]:
        return ""
    if not meta_graph.object_graph_def.nodes:
        return (
            "The SavedModel was saved by TensorFlow 1 without a signature_def, and no result in its "
            "graph depends on a placeholder, so there is nothing to call. Save it again with a "
            "signature_def (tf.compat.v1.saved_model.predict_signature_def)."
        )
    untraced = untraced_functions(meta_graph)
    if not untraced:
        return (
            "The SavedModel has no signature and no function, so there is nothing to call. "
            "Save it again with a tf.function that has an input_signature."
        )
    return (
        f"The SavedModel has no signature, and {' and '.join(untraced[:_MOST_NAMED])} had never "
        "been called when it was saved, so that it holds no graph. Call it once before saving, or "
        "give it an input_signature."
    )


def _incomplete(file: Path, meta_graph: Any) -> str:
    if file.name != _FILE:
        return f"TensorFlow loads it only under the name {_FILE}, in the folder it was saved in."
    has_variables = any(node.op in VARIABLES for node in meta_graph.graph_def.node)
    if has_variables and not (file.parent / "variables" / "variables.index").is_file():
        return (
            "Its variables folder is missing, so the weights are unknown. "
            "Copy the whole folder, not saved_model.pb alone."
        )
    return ""
