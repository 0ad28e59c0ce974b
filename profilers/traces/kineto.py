"""What Kineto's categories and arguments mean (PyTorch's profiler, on CUDA, ROCm and others)."""

import re
from collections.abc import Sequence

import numpy as np

from profilers.profile import JsonText, SliceKind
from profilers.profile.table import Int8, Int32, Int64

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


def kinds_of(category: Int32, name: Int32, strings: Sequence[str]) -> Int8:
    """What slices are, by their category; a communication kernel by its name."""
    pairs, pair_of = np.unique(category.astype(np.int64) * len(strings) + name, return_inverse=True)
    kinds = [
        _kind(strings[pair // len(strings)], strings[pair % len(strings)])
        for pair in pairs.tolist()
    ]
    return np.array(kinds, np.int8)[pair_of]


def correlations(arguments: JsonText) -> Int64:
    """The launch id of each slice, -1 where its arguments name none."""
    found = [(each.start(), int(each[1])) for each in _CORRELATION.finditer(arguments.data)]
    places, numbers = np.array(found, np.int64).reshape(-1, 2).T
    rows = np.searchsorted(arguments.offsets, places, "right") - 1
    correlation = np.full(len(arguments), -1, np.int64)
    correlation[rows[::-1]] = numbers[::-1]  # the first that a slice names
    return correlation


def launches(kinds: Int8, correlation: Int64) -> tuple[Int32, Int32]:
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


def _kind(category: str, name: str) -> SliceKind:
    kind = _KINDS.get(category, SliceKind.OTHER)
    if kind == SliceKind.ANNOTATION and STEP_NAME.search(name):
        return SliceKind.STEP
    if kind == SliceKind.KERNEL and _COLLECTIVE.search(name):
        return SliceKind.COMMUNICATION
    return kind
