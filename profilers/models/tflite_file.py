"""TFLite flatbuffers. They hold no code, and the interpreter loads no libraries for them."""

from collections.abc import Sequence
from pathlib import Path

from profilers.errors import DamagedFile
from profilers.graphs.tflite_graph import MAGIC, read_tflite
from profilers.models.model_file import ModelFile
from profilers.models.tf_inputs import spec, within_vocabulary
from profilers.probe import Probe
from profilers.profile import (
    Diagnostic,
    Environment,
    Graph,
    Profile,
    Severity,
    StringPool,
    StringTable,
)

_MOST_BYTES = 2**31  # a flatbuffer's own limit; weights beyond it are stored apart
_MOST_NAMED = 5
_FLEX = "Flex"  # TensorFlow's operators in a model that was converted with a fallback


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
        raise DamagedFile.because(f"Cannot read the TFLite model {path.name}", error) from error
    strings = pool.table()
    specs = [spec(*given) for given in model.inputs]
    cannot_run = _flex(model.graph, strings)
    facts = {"Description": model.description} if model.description else {}
    return ModelFile(
        path,
        "tflite",
        "TFLite model",
        "tflite",
        () if cannot_run else ("tflite",),
        within_vocabulary(specs, model.graph, strings),
        preview=Profile(
            path.name,
            strings,
            graphs=(model.graph,),
            environment=Environment("tflite", model_name=path.name, facts=facts),
            diagnostics=_diagnostics(model.signatures),
        ),
        cannot_run=cannot_run,
    )


def _diagnostics(signatures: Sequence[str]) -> tuple[Diagnostic, ...]:
    if len(signatures) < 2:
        return ()
    return (Diagnostic(Severity.INFO, *other_signatures(signatures)),)


def other_signatures(names: Sequence[str]) -> tuple[str, str]:
    """What a person is told of a file with several signatures, the one that runs first; and a remedy."""
    others = " and ".join(names[1:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"The file holds {len(names)} signatures; shown and run is {names[0]}, whose graph comes first, "
        f"not {others}{more}.",
        "To profile another one, convert it alone (signature_keys), or profile the SavedModel.",
    )


def _flex(graph: Graph, strings: StringTable) -> str:
    """Why the interpreter cannot run the model, "" if nothing speaks against it."""
    operators = sorted({strings[row] for row in graph.nodes.operator.tolist()})
    flex = [name.removeprefix(_FLEX) for name in operators if name.startswith(_FLEX)]
    if not flex:
        return ""
    return (
        f"It uses TensorFlow operators (flex), which TFLite's interpreter has none of: "
        f"{', '.join(flex[:5])}. Convert it with TFLite's own operators only, or profile the "
        "TensorFlow model that it was converted from."
    )
