"""What the TensorFlow run modes share: the first call with Grappler's graphs, then the steps."""

import gc
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from profilers.captures.tf.files import (
    AUTHORED_FILE,
    LAYERS_FILE,
    OPTIMISED_FILE,
    TRACE_FILE,
    VARIABLES_FILE,
)
from profilers.errors import CaptureFailed, ModeUnavailable, TrustRequired
from profilers.parameter_statistics import stride_of, write_statistics
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, further_steps, least_steps, timed_steps
from profilers.runtimes.sweep import SizedRun, measure_sweep
from profilers.runtimes.tf.errors import run_failure, shape_failure
from profilers.runtimes.tf.fresh_executors import with_fresh_executors
from profilers.runtimes.tf.inline import authored_graph

# Set before TensorFlow is imported. Only the BFC allocator tells the profiler every allocation;
# the default one tells those above some hundred KiB.
WORKER_ENVIRONMENT = {
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "KERAS_BACKEND": "tensorflow",
}

_LARGEST_CONSTANT_BYTES = 1024


@dataclass(frozen=True)
class TracedModel:
    """A model as one graph function, its arguments bound.

    Parameters
    ----------
    function : ConcreteFunction
    call : callable
        Runs one step on the arguments.
    arguments : sequence of Tensor
        In the order of ``function.inputs``.
    inputs : tuple of InputSpec
        What the arguments are, in the model's own order.
    variable_names : mapping of int to str
        By id of the variable's resource handle, where the model knows better names than the graph.
    layers : mapping of str to str
        Class name by layer name.
    optimiser_variables : set of str
        Names among `variable_names` of what belongs to an optimiser.
    untraced : callable, optional
        The Python that `function` was traced from.
    marking : callable
        A context in which `call` makes ranges that tell what it runs.
    owner : object
        What holds the variables: a function alone does not keep them.
    tracing_ns : int
        Making `function` of the model's Python; 0 where the file holds it as a graph.
    is_compiled : bool
        Whether the first call makes the code that the others run.
    runs_nodes : bool
        Whether TensorFlow's executor runs the nodes of `function` at each call, in this process.
    notes : tuple of str
        What a person should know of how the model is run.
    check : callable
        Looks at the model once its steps were measured, and tells the record what it found.
    """

    function: Any
    call: Callable[..., Any]
    arguments: Sequence[Any]
    inputs: tuple[InputSpec, ...]
    variable_names: Mapping[int, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    optimiser_variables: Set[str] = frozenset()
    untraced: Callable[..., Any] | None = None
    marking: Callable[[], AbstractContextManager[Any]] = nullcontext
    owner: Any = None
    tracing_ns: int = 0
    is_compiled: bool = True
    runs_nodes: bool = False
    notes: tuple[str, ...] = ()
    check: Callable[[RunRecord], None] = lambda record: None


def run_traced(
    request: RunRequest,
    folder: Path,
    report: Reporter,
    framework: str,
    load: Callable[[RunRequest], TracedModel],
) -> RunRecord:
    """Load, run and profile a model; the capture's files are left in `folder`.

    Raises
    ------
    TwinscopeError
        If the file cannot be loaded, needs trust, or does not take the inputs.
    """
    import tensorflow as tf

    if request.options.get("needs_trust") and not request.trusted:
        raise TrustRequired(
            f"{Path(request.model_path).name} was not loaded",
            "loading or running it can execute code",
            "Run it only if you trust where it comes from.",
        )
    record = RunRecord(request, "tensorflow", framework)
    _set_threads(request.threads, record)
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": request.options.get("grappler") == "off"}
    )
    with tf.device(_device(request.device)):
        report.progress("load", 0.0)
        begin = time.perf_counter_ns()
        traced = load(request)
        record.load_ns = time.perf_counter_ns() - begin - traced.tracing_ns
        record.request = replace(request, inputs=traced.inputs)
        record.facts = _facts(request)
        for note in traced.notes:
            record.note(note)
        _run(traced, record, folder, report)
        measure_sweep(record, report, partial(_sized, record.request, load))
    return record


def _sized(
    request: RunRequest,
    load: Callable[[RunRequest], TracedModel],
    inputs: tuple[InputSpec, ...],
    report: Reporter,
) -> SizedRun:
    """The model traced again for inputs of other sizes."""
    report.progress("TensorFlow traces the model", 0.0)
    traced = load(replace(request, inputs=inputs, inputs_file=""))
    return SizedRun(_step(traced, request.device))


def _step(traced: TracedModel, device: str) -> Callable[[], None]:
    """One call that returns only when its result is there."""
    import tensorflow as tf

    def step() -> None:
        traced.call(*traced.arguments)
        if device != "cpu":
            tf.test.experimental.sync_devices()

    return step


def _run(traced: TracedModel, record: RunRecord, folder: Path, report: Reporter) -> None:
    request = record.request
    step = _step(traced, request.device)
    first_ns = _first_call(step, traced, folder, report)
    if traced.is_compiled:
        record.compile_ns = traced.tracing_ns + first_ns
    else:
        record.warmup_ns = [first_ns]
    record.warmup_ns += timed_steps(step, request.warmup - 1, report, "warm-up")
    record.measured_ns = least_steps(step, request.steps, report)
    keep_results(request, folder, lambda: results_of(traced.call, traced.arguments))
    profiled = (
        with_fresh_executors(step, traced.function, request.steps) if traced.runs_nodes else step
    )
    gc.collect()  # else tensors of earlier calls are freed within the trace, and nothing tells whose
    with traced.marking():
        _profile(profiled, record, folder, report)
    # Not before: what TensorFlow's executor finds to be cheap, after many steps, is left out of traces.
    record.measured_ns += further_steps(step, record.measured_ns, report)
    traced.check(record)
    write_statistics(folder, _weights(traced))


def results_of(call: Callable[..., Any], arguments: Sequence[Any]) -> list[NDArray[Any]]:
    """What one call gives, those of a dict in the order of its keys."""
    import tensorflow as tf

    flat = tf.nest.flatten(call(*arguments))
    return [each.numpy() for each in flat if isinstance(each, tf.Tensor)]


def _first_call(
    step: Callable[[], None], traced: TracedModel, folder: Path, report: Reporter
) -> int:
    """Nanoseconds of the call that optimises the function; the graphs are written."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    report.progress("warm-up", 0.0)
    context.enable_run_metadata()
    begin = time.perf_counter_ns()
    try:
        step()
    except tf.errors.OpError as error:
        raise run_failure(error) from error
    except TypeError as error:
        told = shape_failure(error)
        if told is None:
            raise
        raise told from error
    finally:
        duration = time.perf_counter_ns() - begin
        metadata = context.export_run_metadata()
        context.disable_run_metadata()
    variables = _variables(traced)
    authored = authored_graph(traced.function, traced.arguments, variables)
    optimised = _optimised_graph(traced.function, metadata)
    if optimised is not None:
        _copy_shapes(authored, optimised)
        _write_graph(optimised, folder / OPTIMISED_FILE)
    _write_graph(authored, folder / AUTHORED_FILE)
    (folder / VARIABLES_FILE).write_text(json.dumps(variables, ensure_ascii=False))
    (folder / LAYERS_FILE).write_text(json.dumps(dict(traced.layers), ensure_ascii=False))
    return duration


def _optimised_graph(function: Any, metadata: Any) -> Any:
    """The graph as it runs, all devices in one, with the functions that were not inlined.

    The metadata may also tell of eager operations and of a function that failed before.
    """
    from tensorflow.core.framework import graph_pb2

    own = {operation.name for operation in function.graph.get_operations()}
    told = [
        (sum(node.name in own for node in graphs.pre_optimization_graph.node), number)
        for number, graphs in enumerate(metadata.function_graphs)
    ]
    known, best = max(told, default=(0, -1))
    if not known:
        return None
    graphs = metadata.function_graphs[best]
    merged = graph_pb2.GraphDef()
    for partition in graphs.partition_graphs or [graphs.post_optimization_graph]:
        merged.node.extend(partition.node)
    merged.library.CopyFrom(graphs.post_optimization_graph.library)
    return merged


def _copy_shapes(authored: Any, optimised: Any) -> None:
    """Optimised nodes state no shapes; those of an authored node's name have its own."""
    shapes = {
        node.name: node.attr["_output_shapes"]
        for node in authored.node
        if "_output_shapes" in node.attr
    }
    for node in optimised.node:
        if node.name in shapes and "_output_shapes" not in node.attr:
            node.attr["_output_shapes"].CopyFrom(shapes[node.name])


def _write_graph(graph_def: Any, path: Path) -> None:
    """Write a GraphDef without the content of large constants: they are the weights."""
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    for node in nodes:
        if node.op == "Const":
            tensor = node.attr["value"].tensor
            if len(tensor.tensor_content) > _LARGEST_CONSTANT_BYTES:
                tensor.ClearField("tensor_content")
    path.write_bytes(graph_def.SerializeToString())


def _variables(traced: TracedModel) -> list[dict[str, Any]]:
    """Name, dtype, shape and placeholder of each variable that the function captures."""
    known = {id(variable.handle): variable for variable in traced.function.graph.variables}
    taken: set[str] = set()
    rows = []
    for tensor, placeholder in traced.function.graph.captures:
        variable = known.get(id(tensor))
        if variable is None:
            continue
        told = traced.variable_names.get(id(tensor)) or variable.name.removesuffix(":0")
        name = _unique(told, taken)
        rows.append(
            {
                "name": name,
                "dtype": variable.dtype.name,
                "shape": variable.shape.as_list(),
                "placeholder": placeholder.op.name,
                "is_of_optimiser": told in traced.optimiser_variables,
            }
        )
    return rows


def _weights(
    traced: TracedModel,
) -> Iterator[tuple[str, Callable[[], tuple[NDArray[Any], int]]]]:
    """Names, as in `_variables`, and values of the variables that the function captures."""
    known = {id(variable.handle): variable for variable in traced.function.graph.variables}
    captured = [known[id(each)] for each, _ in traced.function.graph.captures if id(each) in known]
    for row, variable in zip(_variables(traced), captured, strict=True):
        yield row["name"], partial(_values, variable)


def _values(variable: Any) -> tuple[NDArray[Any], int]:
    """Of a large variable only those values that are looked at leave the device."""
    import tensorflow as tf

    flat = tf.reshape(variable, [-1])
    count = int(flat.shape[0])
    seen = flat[:: stride_of(count)]
    is_plain = not seen.dtype.is_floating or seen.dtype in (tf.float16, tf.float32, tf.float64)
    return (seen if is_plain else tf.cast(seen, tf.float32)).numpy(), count


def _unique(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _profile(step: Callable[[], None], record: RunRecord, folder: Path, report: Reporter) -> None:
    """Run the profiled steps and leave the trace as `TRACE_FILE`."""
    import tensorflow as tf

    def step_range(number: int) -> AbstractContextManager[Any]:
        mark: AbstractContextManager[Any] = tf.profiler.experimental.Trace(
            "step", step_num=number, _r=1
        )
        return mark

    log = folder / "profiler_log"
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, device_tracer_level=1)
    record.started_unix_ns = time.time_ns()
    tf.profiler.experimental.start(str(log), options=options)
    try:
        record.profiled_ns = timed_steps(step, record.request.steps, report, "profile", step_range)
    except BaseException:
        tf.profiler.experimental.stop(save=False)
        raise
    tf.profiler.experimental.stop()
    traces = list(log.rglob("*.xplane.pb"))
    if not traces:
        raise CaptureFailed("The capture failed", "TensorFlow's profiler wrote no trace")
    shutil.move(traces[0], folder / TRACE_FILE)
    shutil.rmtree(log)


def _set_threads(threads: int, record: RunRecord) -> None:
    import tensorflow as tf

    if threads == tf.config.threading.get_intra_op_parallelism_threads():
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        record.warn(
            "The number of threads was not changed: TensorFlow had already started its threads.",
            "Close and reopen the program, then run with this number first.",
        )


def _device(name: str) -> str:
    """TensorFlow's name of "cpu" or "cuda:N"."""
    import tensorflow as tf

    kind, _, number = name.partition(":")
    kind = {"cuda": "GPU"}.get(kind, kind.upper())
    found = tf.config.list_logical_devices(kind)
    if int(number or 0) >= len(found):
        raise ModeUnavailable(
            f"TensorFlow cannot run on {name}",
            f"it sees {', '.join(d.name for d in tf.config.list_logical_devices())}",
            "Choose the device cpu.",
        )
    return str(found[int(number or 0)].name)


def _facts(request: RunRequest) -> dict[str, str]:
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    facts = {
        "TensorFlow": tf.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
        "Device": request.device,
        "Threads": str(threads),
        "CPU allocator": "BFC" if os.environ.get("TF_CPU_ALLOCATOR_USE_BFC") else "default",
    }
    if "TF_ENABLE_ONEDNN_OPTS" in os.environ:
        facts["oneDNN"] = os.environ["TF_ENABLE_ONEDNN_OPTS"]
    return facts
