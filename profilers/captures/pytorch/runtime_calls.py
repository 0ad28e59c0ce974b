"""What is no part of the model: calls of collectives, the copies around them, a compiler's guards."""

import numpy as np

from profilers.captures.pytorch.files import MODULE_MARK
from profilers.profile import SliceKind, Slices, StringTable

_CALLS = ("c10d::", "fsdp::", "torch::distributed::", "torch.distributed.")
# Ranges of hooks that gather, free and reduce weights, of the collectives themselves, and of what DDP
# does around the model, such as sending the buffers of rank 0 to all others.
_RANGES = ("FSDP::", "gloo:", "mpi:", "ucc:", "DistributedDataParallel.forward")
_GUARDS = ("TorchDynamo Cache Lookup",)  # looks whether the compiled code holds for these inputs


def runtime_told(slices: Slices, strings: StringTable) -> Slices:
    """Such operators are calls into the runtime: the model's graph has no node for them."""
    is_call = np.array([text.startswith(_CALLS) for text in strings], np.bool_)
    is_hook = np.array([text.startswith(_RANGES + _GUARDS) for text in strings], np.bool_)
    if not is_call.any() and not is_hook.any():
        return slices
    is_module = np.array([text.startswith(MODULE_MARK) for text in strings], np.bool_)
    inside = (is_call | is_hook)[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]] & ~is_module[slices.name[rows]]
    is_operator = slices.kind == SliceKind.OPERATOR
    return slices.replace(kind=np.where(inside & is_operator, SliceKind.RUNTIME, slices.kind))
