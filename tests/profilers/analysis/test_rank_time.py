"""Who is told to be a straggler."""

import pytest

from profilers.analysis.rank_time import RankTime, findings_of
from profilers.profile import Severity

SECOND = 10**9


def told(*caused_wait_ns: int, last: tuple[int, ...] = ()) -> tuple[Severity, str]:
    """Of ranks that ran for 10 s, with 380 collectives, and kept the others waiting for so long."""
    counts = last or (380 // len(caused_wait_ns),) * len(caused_wait_ns)
    rows = [
        (rank, 10 * SECOND, 2 * SECOND, 3 * SECOND, 3 * SECOND, SECOND, 380, count, caused)
        for rank, (caused, count) in enumerate(zip(caused_wait_ns, counts, strict=True))
    ]
    (found,) = [
        each for each in findings_of(RankTime.from_rows(rows)) if "arrived last" in each.message
    ]
    return found.severity, found.message


@pytest.mark.parametrize("slow", [0, 1, 2])
def test_a_rank_that_the_others_wait_far_longer_for_is_warned_of(slow: int) -> None:
    waits = [SECOND // 2] * 3
    waits[slow] = 3 * SECOND
    severity, message = told(*waits)
    assert severity is Severity.WARNING
    assert message.startswith(f"Rank {slow} arrived last at 126 of 380 collectives; the others")


def test_ranks_that_take_turns_are_no_stragglers() -> None:
    severity, message = told(852_000_000, 690_000_000, 958_000_000)
    assert severity is Severity.INFO
    assert message.startswith("No rank is a straggler")
    assert "Rank 2 arrived last" in message


def test_a_rank_that_is_mostly_the_last_is_a_straggler() -> None:
    severity, message = told(800_000_000, 900_000_000, last=(80, 300))
    assert severity is Severity.WARNING
    assert message.startswith("Rank 1 arrived last at 300 of 380")


def test_a_straggler_that_costs_little_is_but_told() -> None:
    severity, message = told(1_000_000, 100_000_000)
    assert severity is Severity.INFO
    assert message.startswith("Rank 1 arrived last")
