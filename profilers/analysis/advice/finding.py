"""What an advice module tells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile import Profile
from profilers.profile.table import Int64

MOST_SLICES = 2000  # that a finding names


@dataclass(frozen=True)
class Finding:
    """Something that costs, with what it rests on.

    Attributes
    ----------
    id : str
    what : str
        One sentence with its figures.
    advice : str
        What to try.
    cost_ns : float
        Per step; 0 where it costs memory.
    cost_bytes : int
    share : float
        Of the step, or of the memory.
    slices, nodes : tuple of int
        Rows, the costliest first; nodes are those of the authored graph.
    """

    id: str
    what: str
    advice: str
    cost_ns: float = 0.0
    cost_bytes: int = 0
    share: float = 0.0
    slices: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()


def step_count(profile: Profile) -> int:
    """Profiled steps; a trace without any counts as one."""
    return max(len(profile.steps), 1)


def of_each_step(profile: Profile) -> str:
    """What a cost is a part of."""
    return "of each step" if len(profile.steps) else "of the whole trace"


def in_steps(profile: Profile, rows: Int64) -> NDArray[np.bool_]:
    """Which slices lie in the profiled steps; all where there are none."""
    if not len(profile.steps):
        return np.ones(len(rows), np.bool_)
    inside: NDArray[np.bool_] = profile.trace.slices.step[rows] >= 0
    return inside


def costliest(rows: Int64, costs: NDArray[np.number]) -> tuple[int, ...]:
    """Rows by falling cost, at most `MOST_SLICES`, each once."""
    order = np.argsort(-costs, kind="stable")[:MOST_SLICES]
    return tuple(dict.fromkeys(rows[order].tolist()))


def counted(number: int, what: str) -> str:
    """``1 kernel``, ``1,200 kernels``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    distinct = list(dict.fromkeys(names))
    told = ", ".join(distinct[:most])
    return told if len(distinct) <= most else f"{told} and {len(distinct) - most} more"
