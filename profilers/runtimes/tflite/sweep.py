"""Steps of a TFLite model for other sizes of its inputs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.inputs import make_inputs
from profilers.request import InputSpec
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.sweep import SizedRun, measure_sweep
from profilers.runtimes.tflite.library import TfliteLibrary, invoke
from profilers.runtimes.tflite.session import (
    Session,
    feed,
    interpreter_of,
    is_tflite,
    open_session,
)


def sweep(record: RunRecord, session: Session, library: TfliteLibrary, report: Reporter) -> None:
    """Measure the sizes that the request asks for.

    The interpreter resizes the model where that is possible. A converted model that holds the size
    of its own run in its operators is converted again; a file like that says so.
    """
    is_file = is_tflite(Path(record.request.model_path))

    def sized(inputs: tuple[InputSpec, ...], part: Reporter) -> SizedRun:
        try:
            return _run_of(_resized(record, session, library, inputs))
        except _Fixed as error:
            if is_file:
                raise CaptureFailed(
                    "Its input sizes are fixed", "the file was converted for these alone"
                ) from error
        part.progress("TensorFlow converts the model", 0.0)
        request = replace(record.request, inputs=inputs, inputs_file="")
        return _run_of(open_session(request, library).interpreter)

    if record.request.sweep:
        measure_sweep(record, report, sized)


class _Fixed(Exception):
    """The model cannot be resized."""


def _resized(
    record: RunRecord, session: Session, library: TfliteLibrary, inputs: tuple[InputSpec, ...]
) -> Any:
    arrays = make_inputs(replace(record.request, inputs=inputs, inputs_file=""))
    interpreter = interpreter_of(record.request, library, session.content)
    try:
        feed(interpreter, replace(session, arrays=list(arrays.values()), inputs=inputs))
        invoke(interpreter)
    except CaptureFailed as error:
        raise _Fixed from error
    before, after = _first_sizes(session.interpreter), _first_sizes(interpreter)
    own = session.arrays[0].shape[:1] if session.arrays else ()
    is_batch = own and inputs[0].shape[:1] != own
    if is_batch and any(size == own[0] == grown for size, grown in zip(before, after, strict=True)):
        raise _Fixed  # it runs, but folds the batch into another dimension
    return interpreter


def _first_sizes(interpreter: Any) -> list[int]:
    shapes = [detail["shape"] for detail in interpreter.get_output_details()]
    return [int(shape[0]) if len(shape) else -1 for shape in shapes]


def _run_of(interpreter: Any) -> SizedRun:
    return SizedRun(lambda: invoke(interpreter))
