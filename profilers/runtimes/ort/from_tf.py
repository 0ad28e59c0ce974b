"""Runs TensorFlow and Keras models in ONNX Runtime, converted by tf2onnx on the spot."""

import contextlib
import io
import logging
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import CaptureFailed, first_line
from profilers.inputs import Array
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.ort import inference as onnxruntime_cpu
from profilers.runtimes.ort.frozen import frozen
from profilers.runtimes.ort.loop_types import mend_loops
from profilers.runtimes.result_gap import tell_gap
from profilers.runtimes.sweep import SizedRun, measure_sweep
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT
from profilers.runtimes.tf.sources import Source, load_source, lookups_of, operators_of
from profilers.units import format_bytes

__all__ = ["WORKER_ENVIRONMENT", "run"]

_OPSET = 18
_CONVERTED_FILE = "model.onnx"
_KEPT_WHOLE = ("_XlaMustCompile", "_noinline")
_IN_TENSORFLOW = "Profile it in TensorFlow instead."
_REFERENCE = "_ref"  # a variable of TensorFlow 1
_READ_IN_LOOP = "expected type resource"  # one that its kind of loop reads
_OLD_CONTROL_FLOW = frozenset({"Switch", "Merge", "Enter", "Exit", "NextIteration"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_OF_VARIABLES = re.compile(r"^(Assign\w*|Read|Resource\w+)(Variable(Op)?)?$")
_UNKNOWN_TYPE = re.compile(r"tf\.(?P<type>\w+)")  # all that a KeyError of its table says
_CALL = re.compile(r"^(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")
_INPUT = re.compile(r":\d+$")  # tf2onnx keeps TensorFlow's number of an operator's output


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Convert a SavedModel, a frozen GraphDef or a Keras file and run it in ONNX Runtime.

    Raises
    ------
    CaptureFailed
        If ONNX has no operator for one of the model's, or ONNX Runtime fails.
    TwinscopeError
        If TensorFlow cannot load the model or it does not take the inputs.
    """
    import tensorflow as tf
    import tf2onnx

    report.progress("load", 0.0)
    begin = time.perf_counter_ns()
    source = load_source(request)
    report.progress("load", 0.3)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / _CONVERTED_FILE
        load_ns = time.perf_counter_ns() - begin - source.model.tracing_ns
        converted, arrays = _written(request, source, path)
        whole_ns = time.perf_counter_ns() - begin
        try:
            once = replace(converted, sweep={})
            record = onnxruntime_cpu.run_with(once, arrays, folder, report)
        except CaptureFailed as error:
            raise _as_converted(error, Path(request.model_path).name) from error
        found = onnxruntime_cpu.results_of(converted, arrays)
        record.artefact_bytes = path.stat().st_size
        record.facts["Size as ONNX"] = format_bytes(record.artefact_bytes)
    record.request = replace(record.request, model_path=request.model_path, sweep=request.sweep)
    record.load_ns += load_ns
    record.compile_ns = whole_ns - load_ns
    record.facts["Converted by"] = f"tf2onnx {tf2onnx.__version__}, opset {_OPSET}"
    record.facts["TensorFlow"] = tf.__version__
    for note in source.model.notes:
        record.note(note)
    tell_gap(record, source.results, found, "ONNX Runtime", "TensorFlow")
    _sweep(record, report)
    return record


def _written(
    request: RunRequest, source: Source, path: Path
) -> tuple[RunRequest, dict[str, Array]]:
    """The request of the converted model, which is left at `path`, and its inputs."""
    name = Path(request.model_path).name
    path.write_bytes(_encoded(_converted(source, name), name))
    arrays = {spec.name: array for spec, array in zip(source.inputs, source.arrays, strict=True)}
    return replace(request, model_path=str(path), inputs=source.inputs), arrays


def _as_converted(error: CaptureFailed, name: str) -> CaptureFailed:
    """The same, told of the model that the person knows."""
    if _CONVERTED_FILE not in error.what:
        return error
    what = error.what.replace(_CONVERTED_FILE, f"{name} as tf2onnx converts it")
    return CaptureFailed(what, error.why, _IN_TENSORFLOW, error.detail)


def _sweep(record: RunRecord, report: Reporter) -> None:
    """Each size is a model of its own: the converted one has the shapes of one run."""

    def sized(inputs: tuple[InputSpec, ...], part: Reporter) -> SizedRun:
        part.progress("tf2onnx converts the model", 0.0)
        request = replace(record.request, inputs=inputs, inputs_file="")
        with tempfile.TemporaryDirectory() as place:
            converted = _written(request, load_source(request), Path(place) / _CONVERTED_FILE)
            return onnxruntime_cpu.sized_run(*converted)

    if record.request.sweep:
        measure_sweep(record, report, sized)


def _converted(source: Source, name: str) -> Any:
    """The ModelProto, its nodes and inputs called as in the model."""
    import tensorflow as tf
    import tf2onnx

    _add_operators()
    if not source.arrays:
        raise CaptureFailed(
            f"tf2onnx cannot convert {name}",
            "it takes no inputs, and tf2onnx converts only what takes some",
            _IN_TENSORFLOW,
        )
    try:
        constant = frozen(source.function)
        with _quietly():
            model, _ = tf2onnx.convert.from_graph_def(
                _without_compiling(constant.graph.as_graph_def()),
                input_names=[t.name for t in constant.inputs if t.dtype != tf.resource],
                output_names=[tensor.name for tensor in constant.outputs],
                opset=_OPSET,
            )
    except Exception as error:  # the converter raises whatever its handlers raise
        raise _refusal(name, error) from error
    missing = sorted({node.op_type for node in _nodes(model.graph) if not _is_known(node)})
    if missing:
        raise _unknown(missing, name, source.function)
    mend_loops(model.graph)
    _rename(model.graph, source)
    _place_helpers(model.graph)
    return model


def _refusal(name: str, error: Exception) -> CaptureFailed:
    what, text = f"tf2onnx cannot convert {name}", str(error)
    if _REFERENCE in text:
        why = "it changes variables of TensorFlow 1's kind while it runs, which ONNX cannot tell"
        return CaptureFailed(what, why, _IN_TENSORFLOW, text)
    if _READ_IN_LOOP in text:
        return CaptureFailed(
            what,
            "its variables are of TensorFlow 1's kind",
            "Freeze the graph first (convert_variables_to_constants).",
            text,
        )
    if unknown := _UNKNOWN_TYPE.fullmatch(text):
        why = f"it knows no numbers of the type {unknown['type']}"
        return CaptureFailed(what, why, _IN_TENSORFLOW)
    return CaptureFailed(what, first_line(error), _IN_TENSORFLOW, text)


def _without_compiling(graph_def: Any) -> Any:
    """The converter opens no call whose function is to be compiled by XLA."""
    functions = graph_def.library.function
    nodes = (each for body in (graph_def.node, *(f.node_def for f in functions)) for each in body)
    for each in (*functions, *nodes):
        for sign in _KEPT_WHOLE:
            each.attr.pop(sign, None)
    return graph_def


def _unknown(operators: list[str], name: str, function: Any) -> CaptureFailed:
    what = f"tf2onnx cannot convert {name}"
    others = [each for each in operators if not _OF_VARIABLES.match(each)]
    if set(others) & _CALLS and _holds_old_control_flow(function):
        return CaptureFailed(
            what,
            "its control flow is of TensorFlow 1's kind (Switch and Merge), which it does not take",
            "Save it again with control flow v2, or profile it in TensorFlow.",
        )
    # A call is left whole for lookups, too: only files' own loaders take tables.
    if set(others) <= _CALLS:
        others = lookups_of(function) or others
    if not others:
        return CaptureFailed(
            what, "it changes its variables while it runs, which ONNX cannot tell", _IN_TENSORFLOW
        )
    return CaptureFailed(
        what,
        f"ONNX has no operator for {', '.join(others)}",
        "Leave these operators out of the model, or profile it in TensorFlow.",
    )


def _holds_old_control_flow(function: Any) -> bool:
    """The converter leaves a call whole if it cannot make branches or loops of TensorFlow 1's nodes."""
    return bool(operators_of(function) & _OLD_CONTROL_FLOW)


def _encoded(model: Any, name: str) -> bytes:
    try:
        data: bytes = model.SerializeToString()
    except Exception as error:  # the libraries of protobuf disagree on the class
        raise CaptureFailed(
            f"{name} cannot be written as one ONNX file",
            "its weights take more than 2 GiB, the most that such a file holds",
            _IN_TENSORFLOW,
            str(error),
        ) from error
    return data


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The converter tells on its logger and on stdout of each operator that it does not know."""
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _nodes(body)


def _is_known(node: Any) -> bool:
    import onnx

    return bool(onnx.defs.has(node.op_type, node.domain))


def _rename(graph: Any, source: Source) -> None:
    """Inputs get the names of the model's; nodes lose the name of the call around the model."""
    names = {
        given.name: spec.name
        for given, spec in zip(graph.input, source.inputs, strict=False)
        if _INPUT.sub("", given.name) == spec.name
    }
    for given in graph.input:
        given.name = names.get(given.name, given.name)
    taken = {node.name for node in _nodes(graph)}
    for node in _nodes(graph):
        short = _CALL.sub("", node.name)
        if short not in taken:
            taken.add(short)
            node.name = short
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)


def _place_helpers(graph: Any) -> None:
    """Nodes that the converter added are named after the layer that they stand beside."""
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for nodes in (graph.node, reversed(graph.node)):  # along chains of such nodes, both ways
        for node in nodes:
            if "/" in node.name:
                continue
            near = [makers[name] for name in node.input if name in makers]
            near += [reader for name in node.output for reader in readers.get(name, ())]
            layer = next((e.name.rpartition("/")[0] for e in near if "/" in e.name), "")
            if layer:
                node.name = f"{layer}/{node.name}"


def _add_operators() -> None:
    """Operators of Keras models that tf2onnx does not know: ``erfc(x)`` is ``1 - erf(x)``."""
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class _Erfc:
        @classmethod
        def version_13(cls, graph: Any, node: Any, **_: Any) -> None:
            dtype, shape = graph.get_dtype(node.output[0]), graph.get_shape(node.output[0])
            one = graph.make_const(
                f"{node.name}/one", np.ones((), utils.map_onnx_to_numpy_type(dtype))
            )
            erf = graph.make_node("Erf", node.input, name=f"{node.name}/Erf")
            graph.remove_node(node.name)
            graph.make_node(
                "Sub",
                [one.output[0], erf.output[0]],
                outputs=node.output,
                name=node.name,
                dtypes=[dtype],
                shapes=[shape],
            )

    tf_op("Erfc")(_Erfc)
