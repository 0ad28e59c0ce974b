"""What Kineto's categories and arguments mean (PyTorch's profiler, on CUDA, ROCm and others)."""

import re

import numpy as np

from profilers.profile import SliceKind
from profilers.profile.table import Int32, Int64

_KINDS = {
    "cpu_op": SliceKind.OPERATOR,
    "kernel": SliceKind.KERNEL,
    "gpu_memcpy": SliceKind.COPY,
    "gpu_memset": SliceKind.COPY,
    "cuda_runtime": SliceKind.RUNTIME,
    "cuda_driver": SliceKind.RUNTIME,
    "hip_runtime": SliceKind.RUNTIME,
    "mtia_runtime": SliceKind.RUNTIME,
    "mtia_ccp_events": SliceKind.KERNEL,
    "cuda_sync": SliceKind.RUNTIME,
    "user_annotation": SliceKind.ANNOTATION,
    "gpu_user_annotation": SliceKind.ANNOTATION,
    "python_function": SliceKind.PYTHON,
    "overhead": SliceKind.OVERHEAD,
}
DEVICE_CATEGORIES = frozenset(
    {"kernel", "gpu_memcpy", "gpu_memset", "gpu_user_annotation", "mtia_ccp_events"}
)
BOOKKEEPING = frozenset({"Trace"})  # spans of the profiler itself
STEP_NAME = re.compile(r"ProfilerStep\s*#(\d+)")
_COLLECTIVE = re.compile(r"nccl|rccl|oneccl|all_?reduce|all_?gather|reduce_?scatter", re.IGNORECASE)
_CORRELATION = re.compile(rb'"correlation"\s*:\s*"?(\d{1,18})')


def kind_of(category: str, name: str) -> SliceKind:
    """What a slice is, by its category; a communication kernel by its name."""
    kind = _KINDS.get(category, SliceKind.OTHER)
    if kind == SliceKind.ANNOTATION and STEP_NAME.search(name):
        return SliceKind.STEP
    if kind == SliceKind.KERNEL and _COLLECTIVE.search(name):
        return SliceKind.COMMUNICATION
    return kind


def correlations(arguments: list[bytes]) -> Int64:
    """The launch id of each slice, -1 where its arguments name none."""
    found = (_CORRELATION.search(text) for text in arguments)
    return np.array([int(match[1]) if match else -1 for match in found], np.int64)


def launches(kinds: Int64, correlation: Int64) -> tuple[Int32, Int32]:
    """Rows (runtime call, device slice) that share a correlation.

    The flow events of older traces are incomplete; the correlation is not.
    """
    rows = np.flatnonzero(correlation >= 0)
    is_call = kinds[rows] == SliceKind.RUNTIME
    calls, work = rows[is_call], rows[~is_call]
    order = np.argsort(correlation[calls], kind="stable")
    calls = calls[order]
    if not len(calls) or not len(work):
        return np.empty(0, np.int32), np.empty(0, np.int32)
    at = np.searchsorted(correlation[calls], correlation[work])
    at[at == len(calls)] = 0
    matches = correlation[calls[at]] == correlation[work]
    return calls[at[matches]].astype(np.int32), work[matches].astype(np.int32)
