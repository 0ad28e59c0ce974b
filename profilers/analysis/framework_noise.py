"""Which slices are only how a framework gets to its work: executors, sessions, thread pools.

They enclose or stand between operators and tell nothing of the model. What a person's code marked,
operators, kernels and driver calls are never among them. Sources of the names: TraceMe calls in
tensorflow/core/common_runtime, tensorflow/python/eager, xla/pjrt and xla/backends/cpu/runtime;
onnxruntime/core/session.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.profile import Profile, SliceKind
from profilers.profile.table import Int16

_FRAMES = re.compile(
    r"[A-Za-z_]\w*::[A-Za-z_~]\w*.*"  # a C++ function: ExecutorState::Process, SlinkyThreadPool::Await
    r"|TFE_\w+|Eager(Execute|KernelExecute|CopyToDevice|LocalExecute: .*)|__inference_.*"
    r"|FunctionRun|SessionRun|RunGraph|ExecutorDoneCallback|ParallelFor|BlockUntilReady"
    r"|ValidateInputTypeAndPlacement|convert_to_tensor|tf\.constant"
    r"|PjitFunction\(.*|ParseArguments|Handle input.*|AllocateOutputBuffers\w*"
    r"|Wait for (donation|usage) holds|model_run|session_initialization|model_loading_\w+"
)
_PROFILER_FRAMES = re.compile(r"torch[/\\](autograd[/\\])?profiler.*")
_OF_KIND = {SliceKind.OTHER: _FRAMES, SliceKind.PYTHON: _PROFILER_FRAMES}


@dataclass(frozen=True, eq=False)
class Noise:
    """`depth` packs what is no noise to the top; noise keeps the depth that it has."""

    is_noise: NDArray[np.bool_]
    depth: Int16

    @property
    def count(self) -> int:
        return int(np.count_nonzero(self.is_noise))


@once
def framework_noise(profile: Profile) -> Noise:
    """One flag and one depth per slice."""
    slices = profile.trace.slices
    is_noise = slices.kind == SliceKind.OVERHEAD
    for kind, pattern in _OF_KIND.items():
        is_kind = slices.kind == kind
        names = np.unique(slices.name[is_kind])
        matching = [row for row in names.tolist() if pattern.fullmatch(profile.strings[row])]
        is_noise |= is_kind & _flags(matching, len(profile.strings))[slices.name]
    if not is_noise.any():
        return Noise(is_noise, slices.depth)
    is_noise &= (slices.node < 0) & (slices.group < 0)
    is_noise &= (profile.trace.tracks.device < 0)[slices.track]
    depth = (slices.depth - _noise_around(profile, is_noise)).astype(np.int16)
    return Noise(is_noise, np.where(is_noise, slices.depth, depth))


def _flags(rows: list[int], size: int) -> NDArray[np.bool_]:
    flags = np.zeros(size, np.bool_)
    flags[rows] = True
    return flags


def _noise_around(profile: Profile, is_noise: NDArray[np.bool_]) -> Int16:
    """For each slice how many of those that enclose it are noise: level by level from outside."""
    slices = profile.trace.slices
    around = np.zeros(len(slices), np.int16)
    order = np.argsort(slices.depth, kind="stable")
    bounds = np.searchsorted(slices.depth[order], np.arange(int(slices.depth.max(initial=0)) + 2))
    for begin, end in zip(bounds[1:-1].tolist(), bounds[2:].tolist(), strict=True):
        rows = order[begin:end]
        rows = rows[slices.parent[rows] >= 0]
        parent = slices.parent[rows]
        around[rows] = around[parent] + is_noise[parent]
    return around
