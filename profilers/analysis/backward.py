"""Which part of a training step ran when: what lies in its backward."""

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.profile import Profile, SliceKind

_RANGE = "backward"  # as the PyTorch run modes and training loops mark it
_LAUNCH = "launch"


@once
def in_backward(profile: Profile) -> NDArray[np.bool_]:
    """For each slice whether it began in a backward; device work by the call that launched it.

    Threads of autograd have no range of their own, so the time decides.
    """
    slices, strings, flows = profile.trace.slices, profile.strings, profile.trace.flows
    is_range = (slices.name == strings.find(_RANGE)) & (slices.kind == SliceKind.ANNOTATION)
    rows = np.flatnonzero(is_range & (slices.step >= 0))
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    begins, ends = slices.start_ns[rows], slices.start_ns[rows] + slices.duration_ns[rows]
    at = np.searchsorted(begins, slices.start_ns, "right") - 1
    found: NDArray[np.bool_] = (at >= 0) & (slices.start_ns < np.append(ends, 0)[at])
    launched = flows.kind == strings.find(_LAUNCH)
    found[flows.target[launched]] = found[flows.source[launched]]
    found.flags.writeable = False
    return found


def trains(profile: Profile) -> bool:
    """Whether its steps are training steps, as far as its trace or its request tells."""
    options = profile.environment.request.get("options")
    is_asked = isinstance(options, dict) and options.get("run") == "training"
    return is_asked or bool(in_backward(profile).any())


def backward_groups(profile: Profile) -> NDArray[np.bool_]:
    """For each fusion group whether it is a kernel of a compiled backward."""
    is_backward = [graph.stage.endswith(_RANGE) for graph in profile.graphs]
    found: NDArray[np.bool_] = np.array([*is_backward, False], np.bool_)[
        profile.fusion.groups.stage
    ]
    return found
