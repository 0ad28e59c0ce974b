"""TFLite flatbuffers: seen, not run."""

from pathlib import Path

from profilers.errors import DamagedFile
from profilers.graphs.tflite_graph import MAGIC, read_tflite
from profilers.models.model_file import ModelFile
from profilers.models.tf_inputs import spec, within_vocabulary
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool

_MOST_BYTES = 2**31  # a flatbuffer's own limit; weights beyond it are stored apart
_CANNOT_RUN = (
    "Running TFLite models is not available in this version; the graph and its weights can be seen. "
    "The SavedModel or Keras model that it was converted from can be profiled."
)


def matches(probe: Probe) -> bool:
    return probe.head[4:8] == MAGIC


def inspect(path: Path) -> ModelFile:
    """Graph, weights and inputs of a TFLite model.

    Raises
    ------
    DamagedFile
        If the flatbuffer is cut or inconsistent.
    """
    pool = StringPool()
    try:
        with path.open("rb") as file:
            model = read_tflite(file.read(_MOST_BYTES), pool)
    except ValueError as error:
        raise DamagedFile(f"Cannot read the TFLite model {path.name}", str(error)) from error
    strings = pool.table()
    specs = [spec(*given) for given in model.inputs]
    facts = {"Description": model.description} if model.description else {}
    return ModelFile(
        path,
        "tflite",
        "TFLite model",
        "tflite",
        (),
        within_vocabulary(specs, model.graph, strings),
        preview=Profile(
            path.name,
            strings,
            graphs=(model.graph,),
            environment=Environment("tflite", model_name=path.name, facts=facts),
        ),
        cannot_run=_CANNOT_RUN,
    )
