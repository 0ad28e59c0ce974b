"""How long turns go on, on series as machines make them."""

import numpy as np
import pytest

from profilers.analysis.comparison.ratios import Interval, ratio_of_medians, ratio_of_rounds
from profilers.analysis.comparison.stopping import (
    FIRST_LOOK,
    MOST_ROUNDS,
    is_look,
    is_narrow,
    rounds_needed,
    width,
)
from profilers.profile.table import Float64


def noisy(seed: int, spread: float) -> tuple[Float64, Float64]:
    """Rounds of one model beside itself."""
    generator = np.random.default_rng(seed)
    return generator.lognormal(0, spread, MOST_ROUNDS), generator.lognormal(0, spread, MOST_ROUNDS)


def rounds_taken(a: Float64, b: Float64) -> int:
    looks = [number for number in range(MOST_ROUNDS) if is_look(number)]
    return next((n for n in looks if is_narrow(width(a[:n], b[:n]))), MOST_ROUNDS)


def test_quiet_rounds_end_at_the_first_look_and_noisy_ones_go_on() -> None:
    quiet, noisier = (rounds_taken(*noisy(0, spread)) for spread in (0.005, 0.1))
    assert quiet == FIRST_LOOK < noisier


@pytest.mark.parametrize("slower", [1.0, 1.05, 1.3])
def test_what_the_rounds_say_does_not_end_them(slower: float) -> None:
    a, b = noisy(1, 0.08)
    assert rounds_taken(a, slower * b) == rounds_taken(a, b)


def test_a_narrow_interval_needs_no_more_rounds_than_there_are() -> None:
    a, b = noisy(2, 0.05)
    taken = rounds_taken(a, b)
    assert rounds_needed(taken, width(a[:taken], b[:taken])) <= taken
    assert rounds_needed(FIRST_LOOK, width(a[:FIRST_LOOK], b[:FIRST_LOOK])) > FIRST_LOOK


def test_a_change_of_the_size_that_is_told_shows() -> None:
    found: list[bool] = []
    for seed in range(40):
        a, b = (each[:20] for each in noisy(seed, 0.05))
        told = ratio_of_medians(a, b)
        assert told is not None
        slower = ratio_of_medians(a, b * (1 + told.shows_from))
        found.append(slower is not None and slower.low > 1)
    assert sum(found) >= 36


def test_an_interval_of_no_width_shows_everything() -> None:
    assert Interval(1.0, 1.0, 1.0).shows_from == 0
    assert ratio_of_rounds([1.0], [1.0]) is None
