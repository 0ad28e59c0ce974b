"""Runs the models of the other TensorFlow modes as one program that XLA compiled."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.captures.tf.files import MODULE_FILE, TRACE_FILE
from profilers.errors import CaptureFailed, TwinscopeError, first_line
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.keras.training import refuse_training
from profilers.runtimes.measure import Reporter
from profilers.runtimes.result_gap import tell_gap
from profilers.runtimes.tf.options import is_training
from profilers.runtimes.tf.session import (
    WORKER_ENVIRONMENT,
    TracedModel,
    results_of,
    run_traced,
)
from profilers.runtimes.tf.sources import is_keras, load_any, operators_of
from profilers.runtimes.tf.written_variables import unchanged_variables
from profilers.runtimes.tf.xla_kernels import without_xla_kernel

__all__ = ["WORKER_ENVIRONMENT", "run"]

logger = logging.getLogger(__name__)

_LARGEST_LITERAL_BYTES = 1024
_MODULES_PLANE = "/host:metadata"
_REFUSED = re.compile(r"(\w+) \(No registered '\1' OpKernel")
_ARGUMENT = "_Arg"
_CONVERSION = ("tf2xla conversion failed", "XLA compilation", "when trying to compile graph")
_OPEN_SIZES = "Dynamic input unexpectedly found for unsupported instruction"
_AT_OPERATOR = re.compile(r'op_name="(?:[^"]*/)?([^"/]+)"')
_OLD_CONTROL_FLOW = frozenset({"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond"})
_OLD_VARIABLES = frozenset({"Variable", "VariableV2"})
_RANDOM = re.compile(
    r"(Parameterized)?TruncatedNormal|Multinomial|Random\w+"
    r"|State(ful|less)(Random|Standard|Truncated|Uniform|Multinomial)\w+"
)
_LISTS = "TensorList"


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a SavedModel, a frozen GraphDef or a Keras file.

    A model that XLA cannot compile is run without XLA, and the refusal is told.

    Raises
    ------
    TwinscopeError
        As the mode that runs this kind without XLA; and if XLA cannot compile the model and it does
        not run without XLA either.
    """
    import keras
    import tensorflow as tf

    if not is_keras(Path(request.model_path)):
        refuse_training(request)
    framework = f"XLA of TensorFlow {tf.__version__}"
    try:
        record = run_traced(request, folder, report, framework, _load)
    except _Refused as refused:
        record = _without_xla(refused, request, folder, report)
    if is_keras(Path(request.model_path)):
        record.facts["Keras"] = keras.__version__
    _write_module(folder)
    return record


class _Refused(Exception):
    """XLA does not compile the model; `operators` are those that it has no kernel for."""

    def __init__(self, told: CaptureFailed, operators: list[str]) -> None:
        super().__init__(str(told))
        self.told = told
        self.operators = operators


def _without_xla(
    refused: _Refused, request: RunRequest, folder: Path, report: Reporter
) -> RunRecord:
    """The run of the plain graph; raises the refusal if that fails as well."""
    import tensorflow as tf

    told = refused.told
    try:
        record = run_traced(request, folder, report, f"TensorFlow {tf.__version__}", load_any)
    except TwinscopeError as plain:
        why = f"{told.why}, and without XLA it fails too ({plain.why.rstrip('.')})"
        raise CaptureFailed(told.what, why, plain.remedy, plain.detail) from refused
    record.facts["Compiled by XLA"] = "no"
    record.extra["refused"] = {"operators": refused.operators, "why": told.why}
    record.warn(f"{told.what}: {told.why}. This is a run of the model without XLA.", told.remedy)
    return record


def _load(request: RunRequest) -> TracedModel:
    """XLA is not asked about text: TensorFlow 2.21 ends the process when it compiles a second program
    that is given any."""
    import tensorflow as tf

    traced, name = load_any(request), Path(request.model_path).name
    if any(argument.dtype == tf.string for argument in traced.arguments):
        raise _refused(name, [_ARGUMENT], "", "")

    def refusal(error: Exception) -> _Refused:
        return _refusal(name, error, traced.function.graph.as_graph_def(), request.device)

    compiled = replace(traced, call=_compiled(traced.call, refusal), runs_nodes=False)
    if is_training(request.options):
        return compiled
    return replace(compiled, check=lambda record: _compare(record, traced, compiled))


def _compare(record: RunRecord, plain: TracedModel, compiled: TracedModel) -> None:
    """Tell how far the compiled model is off the same model without XLA, from the same state on."""
    try:
        with unchanged_variables(plain.function):
            found = results_of(compiled.call, compiled.arguments)
        with unchanged_variables(plain.function):
            expected = results_of(plain.call, plain.arguments)
    except Exception:  # whatever it meets in a model, it must not cost the capture
        logger.exception("running the model without XLA failed")
        return
    remedy = f"Check what XLA makes of the model before you use it.{_suspect(plain.function)}"
    tell_gap(record, expected, found, "XLA", "TensorFlow without XLA", remedy=remedy)


def _suspect(function: Any) -> str:
    """What is known to give other results in XLA, if the function holds it."""
    operators = operators_of(function)
    if any(map(_RANDOM.fullmatch, operators)):
        return " It draws random numbers, which XLA draws in a way of its own."
    if any(each.startswith(_LISTS) for each in operators):
        return " It fills lists; XLA gives them the size that they are made with."
    return ""


def _compiled(
    call: Callable[..., Any], refusal: Callable[[Exception], Exception]
) -> Callable[..., Any]:
    """The same call, compiled by XLA the first time."""
    import tensorflow as tf

    def model_in_xla(*arguments: Any) -> Any:
        return call(*arguments)

    function = tf.function(model_in_xla, jit_compile=True, autograph=False)

    def run_compiled(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except tf.errors.OpError as error:
            if any(sign in str(error) for sign in (*_CONVERSION, _OPEN_SIZES)):
                raise refusal(error) from error
            raise

    return run_compiled


def _refusal(model: str, error: Exception, graph: Any, device: str) -> _Refused:
    operators = list(dict.fromkeys(_REFUSED.findall(str(error))))
    if operators:
        operators = list(dict.fromkeys([*operators, *without_xla_kernel(graph, device)]))
    if _OPEN_SIZES in str(error):
        found = _AT_OPERATOR.search(str(error))
        why = "it needs to know all sizes ahead, and some depend on the values within the model"
        why += f" (at {found[1]})" if found else ""
    else:
        why = first_line(error).rstrip(".")
    return _refused(model, operators, why, str(error))


def _refused(model: str, operators: list[str], why: str, details: str) -> _Refused:
    """`why` counts where no operator is to blame."""
    remedy = ""
    if {*operators} & _OLD_CONTROL_FLOW:
        why = (
            "its control flow is of TensorFlow 1's kind (Switch and Merge), which it does not take"
        )
        remedy = "Save it again with control flow v2."
    elif {*operators} & _OLD_VARIABLES:
        why = "it changes variables of TensorFlow 1's kind while it runs, which XLA does not take"
    elif operators == [_ARGUMENT]:
        why = "it takes inputs such as text or tables, which XLA has no kernel for"
        remedy = (
            "To see it compiled, save the model without the layers that read text or tables, so that "
            "it takes the numbers that they make."
        )
    elif operators:
        named = [
            each if each != _ARGUMENT else "inputs such as text or tables" for each in operators
        ]
        why = f"it has no kernel for {_listed(named)}"
        remedy = "Leave these operators out of what is compiled."
    told = CaptureFailed(f"XLA cannot compile {model}", why, remedy, details)
    return _Refused(told, operators)


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _write_module(folder: Path) -> None:
    """Leave the module that ran as `MODULE_FILE`, without large literals: they are the weights.

    The profiler's trace holds every module that is alive in the process; it is left without them. A
    module that TensorFlow compiles on demand for `experimental_get_compiler_ir` is another one, with
    less fused.
    """
    from tensorflow.compiler.xla.service import hlo_pb2
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString((folder / TRACE_FILE).read_bytes())
    name = next((name for plane in space.planes for name in _modules_run(plane)), None)
    found = next((data for plane in space.planes for data in _modules_held(plane, name)), None)
    if found is None:
        return
    others = [plane for plane in space.planes if plane.name != _MODULES_PLANE]
    del space.planes[:]
    space.planes.extend(others)
    (folder / TRACE_FILE).write_bytes(space.SerializeToString())
    program = hlo_pb2.HloProto.FromString(found)
    for computation in program.hlo_module.computations:
        for instruction in computation.instructions:
            if instruction.literal.ByteSize() > _LARGEST_LITERAL_BYTES:
                instruction.ClearField("literal")
    (folder / MODULE_FILE).write_bytes(program.SerializeToString())


def _modules_run(plane: Any) -> Iterator[str]:
    """Names of the modules of the events of a plane, one by one."""
    stats = {key: each.name for key, each in plane.stat_metadata.items()}
    for line in plane.lines:
        for event in line.events:
            for stat in event.stats:
                if stats.get(stat.metadata_id) == "hlo_module":
                    yield stat.str_value or stats.get(stat.ref_value, "")


def _modules_held(plane: Any, name: str | None) -> Iterator[bytes]:
    """Encoded programs of a plane whose module is called `name`."""
    for event in plane.event_metadata.values():
        if name and event.name.rpartition("(")[0] == name:
            yield from (stat.bytes_value for stat in event.stats if stat.bytes_value)
