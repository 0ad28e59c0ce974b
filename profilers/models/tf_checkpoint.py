"""Recognises what TensorFlow writes beside a model and nobody can run alone: weights, or a bare graph."""

import re
from pathlib import Path

from profilers.models.frozen_graph_file import length_delimited
from profilers.probe import Probe

_DATA = re.compile(r".+\.data-\d{5}-of-\d{5}")
_INDEX = ".index"
_TABLE_END = bytes.fromhex("57fb808b247547db")  # of a LevelDB table, which index files are
_GRAPH_TEXT = re.compile(
    rb"\s*(?:#[^\n]*\s+)*"
    rb"(?:saved_model_schema_version\s*:|(?:node|meta_info_def|graph_def)\s*:?\s*\{)"
)
_STATE = b"model_checkpoint_path:"
_METADATA = re.compile(rb"\x12.{1,5}\x0a", re.DOTALL)  # MetaGraphDef.graph_def, then its first node

WEIGHTS_REMEDY = (
    "Open the SavedModel or the frozen graph of that model; the program that trains it can write one "
    "(tf.saved_model.save)."
)
TEXT_REMEDY = "Write it in binary, frozen (tf.io.write_graph with as_text=False), or open its SavedModel folder."
GRAPH_REMEDY = (
    "Open its SavedModel, or freeze the graph (convert_variables_to_constants) and open that."
)


def checkpoint_part(probe: Probe) -> tuple[str, str]:
    """What the path is and what helps; two empty texts if it is none of this."""
    weights = "a TensorFlow checkpoint: weights without the graph that uses them"
    if probe.is_folder:
        is_checkpoint = any(_DATA.fullmatch(name) for name in probe.folder_names)
        return (weights, WEIGHTS_REMEDY) if is_checkpoint else ("", "")
    if probe.head.startswith(_STATE):
        return "a TensorFlow text file that only names a checkpoint", WEIGHTS_REMEDY
    if _DATA.fullmatch(probe.path.name) or _is_table(probe.path):
        return weights, WEIGHTS_REMEDY
    if _is_metadata(probe.head):
        return "a TensorFlow graph (.meta) whose weights lie in a checkpoint", GRAPH_REMEDY
    if _GRAPH_TEXT.match(probe.head):
        return "a TensorFlow graph written as text", TEXT_REMEDY
    return "", ""


def is_prefix(path: Path) -> bool:
    """Whether a path that is no file is what TensorFlow calls the files of one checkpoint by."""
    return path.with_name(path.name + _INDEX).is_file()


def _is_table(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(_TABLE_END)))
        return file.read() == _TABLE_END


def _is_metadata(head: bytes) -> bool:
    """A MetaGraphDef: its information, then the graph."""
    information = length_delimited(head, 0, b"\x0a")
    return information is not None and _METADATA.match(head, information[1]) is not None
