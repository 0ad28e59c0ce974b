"""Changed profiles, and what holds for every explanation of a difference."""

from dataclasses import replace
from pathlib import Path

import pytest

from profilers.analysis.comparison.explained import Explanation
from profilers.profile import Profile, TimingPhase, Timings
from profilers.profile.table import Float64

MS = 1_000_000
MODELS = Path(__file__).parents[2] / "models"


def with_steps(profile: Profile, durations: Float64) -> Profile:
    """With other steps measured without the profiler."""
    return replace(
        profile,
        timings=Timings.from_rows((TimingPhase.MEASURED, each) for each in durations.astype(int)),
    )


def assert_adds_up(explanation: Explanation) -> None:
    assert sum(row.a_ns for row in explanation.rows) == pytest.approx(explanation.a_ns)
    assert sum(row.b_ns for row in explanation.rows) == pytest.approx(explanation.b_ns)
    if explanation.difference_ns:
        shares = [explanation.share(row) for row in explanation.rows]
        assert sum(shares) == pytest.approx(1)
    weights = [abs(row.difference_ns) for row in explanation.rows]
    assert weights == sorted(weights, reverse=True)
