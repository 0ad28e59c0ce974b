"""What Kineto's categories and arguments mean (PyTorch's profiler, on CUDA, ROCm and others)."""

import re
from collections.abc import Sequence

import msgspec
import numpy as np

from profilers.profile import SliceKind
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
OVERHEAD_PROCESS = "-1"  # where Kineto puts what CUPTI itself took; it gives it no name
BOOKKEEPING = frozenset({"Trace"})  # spans of the profiler itself
MEMORY_EVENT = "[memory]"
UNSHOWN_INSTANTS = (MEMORY_EVENT, "Iteration Start", "Record Window End")  # how their names begin
STEP_NAME = re.compile(r"ProfilerStep\s*#(\d+)")
_COLLECTIVE = re.compile(r"nccl|rccl|oneccl|all_?reduce|all_?gather|reduce_?scatter", re.IGNORECASE)
_HOST_COLLECTIVE = re.compile(r"^(gloo|mpi|ucc):")  # what runs the collectives on processors
_TOLD_BY_NAME = (
    (SliceKind.ANNOTATION, STEP_NAME, SliceKind.STEP),
    (SliceKind.ANNOTATION, _HOST_COLLECTIVE, SliceKind.COMMUNICATION),
    (SliceKind.KERNEL, _COLLECTIVE, SliceKind.COMMUNICATION),
)
_CORRELATION = re.compile(rb'"correlation"\s*:\s*"?(\d{1,18})')
_NUMBER = re.compile(rb'"?(\d{1,18})')


class _Arguments(msgspec.Struct):
    correlation: msgspec.Raw = msgspec.Raw(b"")


_ARGUMENTS = msgspec.json.Decoder(_Arguments)


def kinds_of(category: Int32, name: Int32, strings: Sequence[str]) -> Int8:
    """What slices are, by their category; steps and communication kernels by their name."""
    by_category = np.array([_KINDS.get(each, SliceKind.OTHER) for each in strings], np.int8)
    kinds = by_category[category]
    used = np.zeros(len(strings), np.bool_)
    used[name] = True
    for kind, pattern, told in _TOLD_BY_NAME:
        names = [row for row in np.flatnonzero(used).tolist() if pattern.search(strings[row])]
        if names:
            is_told = np.zeros(len(strings), np.bool_)
            is_told[names] = True
            kinds[(kinds == kind) & is_told[name]] = told
    return kinds


def correlation_of(arguments: bytes) -> int:
    """The launch id among an event's arguments, -1 for none; what lies deeper is something else."""
    found = _CORRELATION.search(arguments)
    if found is None:
        return -1
    if arguments.count(b"{") > 1:
        try:
            found = _NUMBER.match(_ARGUMENTS.decode(arguments).correlation)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return -1
    return int(found[1]) if found else -1


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
