"""Operators of a TensorFlow graph that reach beyond it: files, Python, the network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from profilers.graphs.tf_ends import table_fillers
from profilers.graphs.tf_nodes import called_functions
from profilers.graphs.tf_saved_functions import concrete_functions
from profilers.graphs.tf_signature import reachable

_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_FILES = frozenset({
    "CSVDataset", "CacheDataset", "CacheDatasetV2", "CreateSummaryDbWriter",
    "CreateSummaryFileWriter", "DatasetToTFRecord", "DebugIdentity", "DebugIdentityV2",
    "DebugIdentityV3", "DebugNanCount", "DebugNumericSummary", "DecodeProtoV2", "EncodeProto",
    "DistributedSave", "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2",
    "FileSystemSetConfiguration", "FixedLengthRecordReader", "FixedLengthRecordReaderV2",
    "GenerateVocabRemapping", "ImmutableConst",
    "IdentityReader", "IdentityReaderV2", "LMDBDataset", "LMDBReader", "LoadAndRemapMatrix",
    "LoadDataset", "MatchingFiles", "MatchingFilesDataset", "ReadFile", "SaveDataset",
    "SaveDatasetV2", "SnapshotDataset", "SnapshotDatasetV2", "SnapshotDatasetReader", "SqlDataset",
    "TFRecordDataset", "TFRecordDatasetV2", "TFRecordReader", "TFRecordReaderV2",
    "TextLineDataset", "TextLineReader", "TextLineReaderV2", "WholeFileReader",
    "WholeFileReaderV2", "WriteFile",
})  # fmt: skip
_CHECKPOINT = frozenset({
    "MergeV2Checkpoints", "Restore", "RestoreSlice", "RestoreV2", "Save", "SaveSlices", "SaveV2",
})  # fmt: skip
_NETWORK = frozenset({
    "CollectiveInitializeCommunicator", "DataServiceDataset", "DataServiceDatasetV2",
    "DataServiceDatasetV3", "DataServiceDatasetV4", "RegisterDataset", "RegisterDatasetV2",
    "RemoteCall", "RpcCall", "RpcClient", "RpcServer",
})  # fmt: skip
# Ordinary in text models: the vocabulary is a file beside the graph.
_VOCABULARY = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
_LOADING = ("_initialize", "_create_resource")
_INIT_OP = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")


@dataclass(frozen=True)
class Reach:
    """One operator that reaches beyond the graph."""

    operator: str
    node: str
    function: str  # "" for the main graph
    while_loading: bool
    severe: bool


def graph_reaches(graph_def: Any) -> list[Reach]:
    """Of a graph that has no saver; what fills its lookup tables runs when it is loaded."""
    nodes = {node.name: node for node in graph_def.node}
    loading = reachable(nodes, table_fillers(graph_def.node))
    found = [
        _reach(node, "", node.name in loading) for node in graph_def.node if _reaches_out(node)
    ]
    for function in graph_def.library.function:
        found += [
            _reach(node, function.signature.name, loading=False)
            for node in function.node_def
            if _reaches_out(node)
        ]
    return found


def saved_model_reaches(meta_graph: Any) -> list[Reach]:
    """Of a SavedModel's MetaGraphDef; its own saver may read and write checkpoints."""
    graph_def = meta_graph.graph_def
    nodes = {node.name: node for node in graph_def.node}
    library = {function.signature.name: function for function in graph_def.library.function}
    loading_nodes = reachable(nodes, _init_tensors(meta_graph))
    loading = _called(library, loading_nodes.values(), _loading_functions(meta_graph))
    saver_nodes, saver = _saver_parts(meta_graph, nodes, library)
    found = [
        _reach(node, "", name in loading_nodes)
        for name, node in nodes.items()
        if _reaches_out(node) and not (name in saver_nodes and node.op in _CHECKPOINT)
    ]
    for name, function in library.items():
        found += [
            _reach(node, name, name in loading)
            for node in function.node_def
            if _reaches_out(node) and not (name in saver and node.op in _CHECKPOINT)
        ]
    return found


def _reaches_out(node: Any) -> bool:
    if node.op == "PrintV2":
        return bool(node.attr["output_stream"].s.startswith(b"file"))
    operator = node.op.removeprefix("Experimental")
    return any(operator in group for group in (_PYTHON, _FILES, _CHECKPOINT, _NETWORK, _VOCABULARY))


def _reach(node: Any, function: str, loading: bool) -> Reach:
    return Reach(node.op, node.name, function, loading, node.op not in _VOCABULARY)


def _saver_parts(
    meta_graph: Any, nodes: Mapping[str, Any], library: Mapping[str, Any]
) -> tuple[set[str], set[str]]:
    """Nodes and functions that only the saver uses."""
    saver = meta_graph.saver_def
    tensors = (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
    saver_nodes = set(reachable(nodes, tensors)) - set(reachable(nodes, _entries(meta_graph)))
    others = [node for name, node in nodes.items() if name not in saver_nodes]
    called = _called(library, (nodes[name] for name in saver_nodes), ())
    return saver_nodes, called - _called(library, others, _object_functions(meta_graph))


def _entries(meta_graph: Any) -> list[str]:
    """Tensors that running or loading the model asks for."""
    tensors = [
        tensor.name
        for signature in meta_graph.signature_def.values()
        for tensor in signature.outputs.values()
    ]
    return tensors + _init_tensors(meta_graph)


def _init_tensors(meta_graph: Any) -> list[str]:
    tensors = []
    if _INIT_OP in meta_graph.signature_def:
        outputs = meta_graph.signature_def[_INIT_OP].outputs
        tensors += [tensor.name for tensor in outputs.values()]
    for key in _INIT_COLLECTIONS:
        if key in meta_graph.collection_def:
            tensors += meta_graph.collection_def[key].node_list.value
    return tensors


def _loading_functions(meta_graph: Any) -> list[str]:
    """Functions that the loader calls to set up resources such as tables."""
    objects = meta_graph.object_graph_def.nodes
    return [
        name
        for owner in objects
        for child in owner.children
        if child.local_name in _LOADING and 0 <= child.node_id < len(objects)
        for name in concrete_functions(objects[child.node_id])
    ]


def _object_functions(meta_graph: Any) -> list[str]:
    return [
        name for owner in meta_graph.object_graph_def.nodes for name in concrete_functions(owner)
    ]


def _called(library: Mapping[str, Any], nodes: Iterable[Any], names: Iterable[str]) -> set[str]:
    """Functions that the nodes and the named functions call, directly or not."""
    found: set[str] = set()
    waiting = [name for node in nodes for _, name, _ in called_functions(node, library)]
    waiting += [name for name in names if name in library]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for node in library[name].node_def:
            waiting += [called for _, called, _ in called_functions(node, library)]
    return found
