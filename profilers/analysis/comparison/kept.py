"""The comparison that the settings of a file ask for."""

from collections.abc import Sequence

import numpy as np

from profilers.analysis.comparison.figures import Rounds
from profilers.profile import KeptComparison, Profile, Turns


def rounds_of(turns: Turns | None) -> Rounds | None:
    if turns is None:
        return None
    return Rounds(np.array(turns.a_ns), np.array(turns.b_ns), turns.waited)


def turns_of(a: int, b: int, rounds: Rounds) -> Turns:
    ours, theirs = tuple(rounds.a_ns.tolist()), tuple(rounds.b_ns.tolist())
    return Turns(a, b, ours, theirs, rounds.waited)


def chosen_pair(
    profiles: Sequence[Profile], kept: KeptComparison | None
) -> tuple[Profile, Profile, Rounds | None, bool]:
    """The two that are compared, their rounds in turns, and whether times are per sample."""
    kept = kept or KeptComparison()
    rounds = rounds_of(kept.turns_of(kept.a, kept.b))
    return profiles[kept.a], profiles[kept.b], rounds, kept.per_sample
