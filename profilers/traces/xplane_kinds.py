"""What planes, lines and events of an XSpace are, as far as their names tell.

Source of the names: xla/tsl/profiler/utils/xplane_schema.cc and trace_utils.h,
xla/backends/profiler/gpu/cupti_collector.cc, xprof/utils/derived_timeline.cc.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from profilers.profile import SliceKind

ALLOCATION = "MemoryAllocation"
CUDA_GRAPH = "CudaGraph"  # one launch of many kernels
MEMORY_EVENTS = (ALLOCATION, "MemoryDeallocation")

_NOISE = ("ThreadpoolListener::", "end: ")
_STEP_LINES = ("Steps", "Sparse Core Steps")
_OPERATION_LINES = ("XLA Ops", "Sparse Core Ops")  # a TPU's own work; derived on a GPU
_ASYNC_LINE = "Async XLA Ops"
_COUNTER_LINE = "_counters_"
_USER_LINE = "XLA TraceMe"
_DERIVED_LINES = (  # computed from the device's work: drawn, but not counted again
    *("XLA Modules", "Sparse Core Modules", "Framework Name Scope", "Framework Ops"),
    *("TensorFlow Name Scope", "TensorFlow Ops", "Source code", "Source Code", "Launch Stats"),
    *("Host Offload Ops", "Tensor Core Sync Flag", "Sparse Core Syncs"),
)
_DERIVED_FROM = " - "  # "XLA Ops - from #16": several streams have derived lines of their own
_DEVICE = re.compile(r"/device:(?P<kind>\w+):(?P<number>\d{1,9})(?P<rest>.*)")
_PLANE_PREFIX = re.compile(r"/(host|device|virtualdevice|custom):")
_OPERATOR = re.compile(r"(?!ThenExecuteCallback:)[A-Za-z0-9.][A-Za-z0-9_.\\/>\-]*:[A-Z_]\w*")
_EAGER_OPERATOR = re.compile(r"EagerLocalExecute: (?!__|SyncDevice)\w+")
_COLLECTIVE_KERNEL = re.compile(
    r"nccl|rccl|oneccl|all[_-]?reduce|all[_-]?gather|reduce[_-]?scatter|all[_-]?to[_-]?all", re.I
)
_COLLECTIVE_INSTRUCTION = re.compile(
    r"%?(all-(reduce|gather|to-all)|reduce-scatter|collective-|ragged-all-to-all"
    r"|(send|recv)(-start|-done)?(\.\d+)*$)"
)
_COPY = re.compile(r"mem(cpy|set)|%?(copy|infeed|outfeed)(-start|-done)?(\.\d+)*$", re.I)
_RECORDS = ("MemoryAlloc", "MemoryFree", "MemoryResidency", "Environment")  # nothing runs for them


class LineRole(Enum):
    THREAD = "a host thread"
    STREAM = "a device's queue"
    DERIVED = "computed from the streams"
    STEPS = "the steps of a device"
    USER = "ranges that a program made on a device"
    COUNTERS = "samples"


@dataclass(frozen=True)
class PlaneKind:
    """`device` is its number, -1 for a host's plane; `title` is what a person calls it."""

    title: str
    device: int
    is_tpu: bool


def plane_kind(name: str) -> PlaneKind:
    """``/device:GPU:0`` is GPU 0, ``/host:CPU`` is CPU."""
    device = _DEVICE.match(name)
    if device:
        title = f"{device['kind']} {device['number']}{device['rest']}"
        return PlaneKind(title, int(device["number"]), device["kind"] == "TPU")
    return PlaneKind(_PLANE_PREFIX.sub("", name) or "unnamed", -1, False)


def is_device(plane_name: str) -> bool:
    return _DEVICE.match(plane_name) is not None


def line_roles(plane: PlaneKind, names: Sequence[str]) -> list[LineRole]:
    """What the lines of a plane are.

    A GPU's streams have names of their own, and "XLA Ops" is derived from them. A TPU has no streams:
    there the operations are the work itself.
    """
    roles = [_told_by_name(plane, name) for name in names]
    is_operations = [_base(name) in _OPERATION_LINES for name in names]
    if plane.device < 0 or not any(is_operations):
        return roles
    if plane.is_tpu:
        roles = [LineRole.DERIVED if role is LineRole.STREAM else role for role in roles]
    if LineRole.STREAM in roles:
        return roles
    is_work = [is_operations[at] or names[at] == _ASYNC_LINE for at in range(len(names))]
    return [LineRole.STREAM if works else role for works, role in zip(is_work, roles, strict=True)]


def kind_of(role: LineRole) -> Callable[[str], SliceKind]:
    """What an event is by its name, for the lines of a role."""
    return {
        LineRole.THREAD: _host_kind,
        LineRole.STREAM: _device_kind,
        LineRole.DERIVED: lambda name: SliceKind.SCOPE,
        LineRole.STEPS: lambda name: SliceKind.STEP,
        LineRole.USER: lambda name: SliceKind.ANNOTATION,
        LineRole.COUNTERS: lambda name: SliceKind.OTHER,
    }[role]


def encloses_its_work(plane: PlaneKind, line_name: str) -> bool:
    """True where loops and calls are drawn around the operations that run in them."""
    return plane.is_tpu and _base(line_name) in _OPERATION_LINES


def is_noise(name: str) -> bool:
    """Markers without a duration that the profiler adds for itself."""
    return name.startswith(_NOISE)


def _told_by_name(plane: PlaneKind, name: str) -> LineRole:
    base = _base(name)
    if base == _COUNTER_LINE:
        return LineRole.COUNTERS
    if base in _DERIVED_LINES:
        return LineRole.DERIVED
    if plane.device < 0:
        return LineRole.THREAD
    if base in _STEP_LINES:
        return LineRole.STEPS
    if base == _USER_LINE:
        return LineRole.USER
    is_derived = base in _OPERATION_LINES or base == _ASYNC_LINE
    return LineRole.DERIVED if is_derived else LineRole.STREAM


def _base(line_name: str) -> str:
    return line_name.partition(_DERIVED_FROM)[0]


def _host_kind(name: str) -> SliceKind:
    if _OPERATOR.fullmatch(name) or _EAGER_OPERATOR.fullmatch(name):
        return SliceKind.OPERATOR
    return SliceKind.ANNOTATION if name.startswith("NVTX:") else SliceKind.OTHER


def _device_kind(name: str) -> SliceKind:
    if name in _RECORDS:
        return SliceKind.OTHER
    if name == "Overhead":
        return SliceKind.OVERHEAD
    if _COLLECTIVE_INSTRUCTION.match(name) or _COLLECTIVE_KERNEL.search(name):
        return SliceKind.COMMUNICATION
    return SliceKind.COPY if _COPY.match(name) else SliceKind.KERNEL
