"""TFLite flatbuffers. They hold no code, and the interpreter loads no libraries for them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from profilers.errors import DamagedFile
from profilers.graphs.tflite_graph import MAGIC, TfliteModel, read_signatures
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
from profilers.request import InputSpec

_MOST_BYTES = 2**31  # a flatbuffer's own limit; weights beyond it are stored apart
_MOST_NAMED = 5
_USES_FLEX = "uses TensorFlow operators (flex), which TFLite's interpreter has none of"
_FLEX = "Flex"  # TensorFlow's operators in a model that was converted with a fallback


def matches(probe: Probe) -> bool:
    return probe.head[4:8] == MAGIC


def inspect(path: Path) -> ModelFile:
    """Graph and weights of the default signature, and the inputs of each.

    Raises
    ------
    DamagedFile
        If the flatbuffer is cut or inconsistent.
    """
    pool = StringPool()
    try:
        with path.open("rb") as file:
            models = read_signatures(file.read(_MOST_BYTES), pool)
    except ValueError as error:
        raise DamagedFile.because(f"Cannot read the TFLite model {path.name}", error) from error
    strings = pool.table()
    needs = {name: _flex(model.graph, strings) for name, model in models.items()}
    names = tuple(sorted(models, key=lambda name: bool(needs[name])))  # else as in the file
    shown = models[names[0]]
    inputs = {name: _inputs(model, strings) for name, model in models.items()}
    cannot_run = _cannot_run(needs[names[0]])
    facts = {"Description": shown.description} if shown.description else {}
    return ModelFile(
        path,
        "tflite",
        "TFLite model",
        "tflite",
        () if cannot_run else ("tflite",),
        inputs[names[0]],
        preview=Profile(
            path.name,
            strings,
            graphs=(shown.graph,),
            environment=Environment("tflite", model_name=path.name, facts=facts),
            diagnostics=(*_diagnostics(names), *_refused(needs, names)),
        ),
        cannot_run=cannot_run,
        signatures=names if any(names) else (),
        signature_inputs={name: inputs[name] for name in names[1:]},
    )


def _inputs(model: TfliteModel, strings: StringTable) -> tuple[InputSpec, ...]:
    return within_vocabulary([spec(*given) for given in model.inputs], model.graph, strings)


def _diagnostics(names: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    if len(names) < 2:
        return ()
    others = " and ".join(names[1:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    told = (
        f"The file holds {len(names)} signatures, each with a graph of its own; shown is that of "
        f"{names[0]}, not those of {others}{more}."
    )
    remedy = "Choose the signature when you run it; the profile then shows its graph."
    return (Diagnostic(Severity.INFO, told, remedy),)


def _refused(needs: Mapping[str, Sequence[str]], names: Sequence[str]) -> Iterator[Diagnostic]:
    """Which signatures do not run, where another does."""
    for name in names:
        if needs[name] and not needs[names[0]]:
            yield Diagnostic(
                Severity.WARNING,
                f"The signature {name} cannot run here: it {_USES_FLEX}: "
                f"{', '.join(needs[name][:_MOST_NAMED])}.",
                "Choose another, or convert it with TFLite's own operators only.",
            )


def _flex(graph: Graph, strings: StringTable) -> list[str]:
    """TensorFlow's operators among those of the graph."""
    operators = sorted({strings[row] for row in graph.nodes.operator.tolist()})
    return [name.removeprefix(_FLEX) for name in operators if name.startswith(_FLEX)]


def _cannot_run(flex: Sequence[str]) -> str:
    if not flex:
        return ""
    return (
        f"It {_USES_FLEX}: {', '.join(flex[:_MOST_NAMED])}. Convert it with TFLite's own operators "
        "only, or profile the TensorFlow model that it was converted from."
    )
