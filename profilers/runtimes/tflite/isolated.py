"""How long each operator of a TFLite model takes alone: no TFLite interpreter tells it of the whole.

Each operator is cut into a model of its own that is run on the values it has in the whole model.
"""

import copy
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from profilers.errors import CaptureFailed
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tflite.library import TfliteLibrary, allocate, invoke, is_handle
from profilers.runtimes.tflite.model import packed

_SECONDS = 20.0  # shared by all operators; one that takes longer than its share is run once
_MOST_SECONDS = 120.0  # those that had no turn by then have no time
_FEWEST_RUNS, _MOST_RUNS = 3, 50
_DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class AloneTime:
    """`median_ns` is -1 if the operator cannot run alone."""

    median_ns: int = -1
    is_delegated: bool = False


def times_alone(
    library: TfliteLibrary,
    model: Any,
    whole: Any,
    delegate: str,
    threads: int,
    report: Reporter,
) -> list[AloneTime]:
    """One entry per operator of the main subgraph.

    Parameters
    ----------
    model : ModelT
        Unpacked; its tensors have the shapes of the run.
    whole : Interpreter
        It has run the model and kept every tensor.
    """
    operators = model.subgraphs[0].operators
    end = time.monotonic() + _MOST_SECONDS
    share = _SECONDS / max(len(operators), 1)
    handles = {each["index"] for each in whole.get_tensor_details() if is_handle(each)}
    found = []
    for number, operator in enumerate(operators):
        report.progress("profile", number / len(operators))
        if time.monotonic() > end or handles & {*_numbers(operator.inputs)}:
            found.append(AloneTime())  # what a handle stands for is in the whole model alone
            continue
        try:
            content, given = _single(library.schema, model, operator)
            # XNNPACK fails where all there is to do is a weight that is stored in half precision
            alone = library.open(content, delegate if given else "none", threads)
            found.append(_timed(alone, whole, given, share))
        except (CaptureFailed, ValueError, TypeError):  # odd types
            found.append(AloneTime())
    return found


def _single(schema: Any, model: Any, operator: Any) -> tuple[bytes, list[int]]:
    """A model of one operator, and the tensors of the whole model that are its inputs, in order.

    Control flow keeps the other subgraphs, and so all weights.
    """
    main = model.subgraphs[0]
    lists = (operator.inputs, operator.outputs, operator.intermediates)
    places = [int(each) for some in lists if some is not None for each in some]
    number = {old: new for new, old in enumerate(dict.fromkeys(p for p in places if p >= 0))}
    given = [
        int(each)
        for each in dict.fromkeys(_numbers(operator.inputs))
        if each >= 0 and not _is_stored(model, main.tensors[each])
    ]
    cut, graph, single = schema.ModelT(), copy.copy(main), copy.copy(operator)
    for name, values in zip(("inputs", "outputs", "intermediates"), lists, strict=True):
        if values is not None:
            setattr(single, name, [number.get(int(each), -1) for each in values])
    graph.tensors = [main.tensors[old] for old in number]
    graph.operators = [single]
    graph.inputs = [number[old] for old in given]
    graph.outputs = [each for each in single.outputs if each >= 0]
    cut.version, cut.operatorCodes = model.version, model.operatorCodes
    cut.subgraphs = [graph, *model.subgraphs[1:]]
    owns_subgraphs = len(model.subgraphs) > 1 and type(operator.builtinOptions).__name__ in _OWNERS
    read = {tensor.buffer for tensor in graph.tensors}
    cut.buffers = [
        buffer if owns_subgraphs or place in read else schema.BufferT()
        for place, buffer in enumerate(model.buffers)
    ]
    if not owns_subgraphs:
        cut.subgraphs = [graph]
    return packed(cut), given


_OWNERS = frozenset({"IfOptionsT", "WhileOptionsT", "CallOptionsT", "CallOnceOptionsT"})


def _numbers(values: Any) -> list[int]:
    return [] if values is None else [int(each) for each in values]


def _is_stored(model: Any, tensor: Any) -> bool:
    """It is a weight, or a state that the operator keeps."""
    data = model.buffers[tensor.buffer].data
    return bool(tensor.isVariable) or (data is not None and len(data) > 0)


def _timed(alone: Any, whole: Any, given: list[int], most_s: float) -> AloneTime:
    allocate(alone)
    for detail, old in zip(alone.get_input_details(), given, strict=True):
        alone.set_tensor(detail["index"], whole.get_tensor(old))
    end = time.monotonic() + most_s
    durations = [_once(alone)]
    if time.monotonic() < end:
        durations.clear()  # the first run prepares what the others find
        while len(durations) < _FEWEST_RUNS or (
            len(durations) < _MOST_RUNS and time.monotonic() < end
        ):
            durations.append(_once(alone))
    names = [operator["op_name"] for operator in alone._get_ops_details()]
    return AloneTime(int(median(durations)), _DELEGATE in names)


def _once(interpreter: Any) -> int:
    begin = time.perf_counter_ns()
    invoke(interpreter)
    return time.perf_counter_ns() - begin
