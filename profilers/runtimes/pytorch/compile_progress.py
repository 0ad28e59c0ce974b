"""Tells where torch.compile stands: compiling may take minutes."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from profilers.runtimes.measure import Reporter

_LOGGER = "torch.__trace"  # of torch._logging's structured records
# What a part of the compiler calls itself when it begins, in the order in which the parts come.
_PARTS = {
    "dynamo": "Dynamo traces the model",
    "create_aot_dispatcher_function": "AOTAutograd splits forward and backward",
    "inductor_compile": "Inductor lowers the graph",
    "Scheduler.__init__": "Inductor fuses operators",
    "Scheduler.codegen": "Inductor writes kernels",
    "compile_file": "the C++ compiler builds kernels",
    "async_compile.wait": "the kernels are built",
    "CachingAutotuner.benchmark_all_configs": "Triton's kernels are measured",
    "aoti_compile_fatbin": "the GPU's code is packed",
    "AotCodeCompiler.compile": "the C++ compiler builds the package",
    "build_guards": "Dynamo writes guards",
}
_AROUND = {"compile_file": "AotCodeCompiler.compile"}  # a part that is told as the one around it


class CompilePhases(logging.Handler):
    """A handler of the structured records in which the compiler tells what it begins."""

    def __init__(self, report: Reporter) -> None:
        super().__init__()
        self._report = report
        self._part = ""

    def emit(self, record: logging.LogRecord) -> None:
        if "chromium_event" not in (getattr(record, "metadata", None) or {}):
            return
        begun = _begun(getattr(record, "payload", None))
        if begun and _AROUND.get(begun) != self._part:
            self._part = begun
        if self._part:
            fraction = list(_PARTS).index(self._part) / len(_PARTS)
            self._report.progress(f"compile: {_PARTS[self._part]}", fraction)


@contextmanager
def reported_phases(report: Reporter) -> Iterator[None]:
    """Progress of the compiler is told while it lasts."""
    logger = logging.getLogger(_LOGGER)
    handler, level = CompilePhases(report), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _begun(payload: object) -> str:
    """The part that begins with this event, "" if none does."""
    try:
        event = json.loads(str(payload))
        name = str(event.get("name", ""))
        return name if event.get("ph") == "B" and name in _PARTS else ""
    except (ValueError, AttributeError):
        return ""
