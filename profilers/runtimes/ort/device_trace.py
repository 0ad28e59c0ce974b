"""Has PyTorch's profiler watch the GPU while ONNX Runtime uses it, whose packages bring no CUPTI."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from profilers.captures.ort.files import DEVICE_TRACE_FILE, ON_CUDA, RUN_MARK
from profilers.errors import first_line
from profilers.run_record import RunRecord
from profilers.runtimes.ort.providers import Provider, name_of
from profilers.runtimes.pytorch.session import WORKER_ENVIRONMENT

Mark = Callable[[], AbstractContextManager[Any]]


@contextmanager
def device_watched(record: RunRecord, providers: list[Provider], folder: Path) -> Iterator[Mark]:
    """Leave what the GPU does meanwhile as `DEVICE_TRACE_FILE`.

    Yields
    ------
    callable
        A context to put around each run, which ties the two profilers' clocks.
    """
    if ON_CUDA not in map(name_of, providers):
        yield nullcontext
        return
    watched, why_not = _profiler()
    if watched is None:
        record.warn(
            f"The GPU's kernels were not recorded ({why_not}), so times of nodes are the host's, which "
            "only launches what the GPU runs.",
            "Install a PyTorch for CUDA beside ONNX Runtime: its profiler sees them.",
        )
        yield nullcontext
        return
    from torch.profiler import record_function

    watched.start()
    try:
        yield lambda: record_function(RUN_MARK)
    finally:
        watched.stop()
    watched.export_chrome_trace(str(folder / DEVICE_TRACE_FILE))


def _profiler() -> tuple[Any, str]:
    """PyTorch's profiler of CPU and GPU, or why there is none."""
    if "tensorflow" in sys.modules:  # whose CUDA libraries may not be PyTorch's
        return None, "TensorFlow is in the same process"
    if find_spec("torch") is None:
        return None, "PyTorch is not installed"
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        import torch
        from torch.profiler import ProfilerActivity, profile

        if ProfilerActivity.CUDA not in torch.profiler.supported_activities():  # type: ignore[no-untyped-call]
            return None, "the PyTorch that is installed is built without CUDA"
    except Exception as error:  # a PyTorch that does not load is none
        return None, f"PyTorch does not load: {first_line(error)}"
    return profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]), ""
