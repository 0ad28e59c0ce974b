"""When enough rounds were measured in turns: told by how wide the interval is, never by what it says.

To go on until a difference shows would find one in nearly every pair of equals. The width says nothing
of where the interval lies, but early looks favour series that happen to look calm: so there are few
looks, and a correlation is taken to be as long as the rounds do not rule out. The first look comes
when a correlation can be seen at all. `tests/benchmarks/comparison_power.py` shows how often this
errs: on independent, bursting and correlated rounds, and on such as were measured.
"""

import math

from profilers.analysis.comparison.ratios import BETWEEN_PROCESSES, ratio_of_rounds
from profilers.analysis.comparison.resampling import NORMAL
from profilers.profile.table import Float64

FIRST_LOOK, MOST_ROUNDS = 24, 200
_LOOK_EVERY = 8
_SURE = 0.077  # width of the logarithm's interval that is narrow enough to stop: 8 %
_NEVER_LESS = 2 * NORMAL * math.sqrt(2) * BETWEEN_PROCESSES  # however many rounds there are


def is_look(rounds: int) -> bool:
    """Whether the interval is looked at after so many rounds."""
    return rounds >= FIRST_LOOK and (rounds - FIRST_LOOK) % _LOOK_EVERY == 0


def width(a_ns: Float64, b_ns: Float64) -> float:
    """Of the interval of the ratio's logarithm; endless where nothing is known."""
    found = ratio_of_rounds(a_ns, b_ns)
    return math.inf if found is None else math.log(found.high / found.low)


def is_narrow(interval_width: float) -> bool:
    return interval_width < _SURE


def rounds_needed(rounds: int, interval_width: float) -> float:
    """About how many rounds make it narrow, if they go on as they are."""
    spread = max(interval_width**2 - _NEVER_LESS**2, 0.0)
    return max(rounds * spread / (_SURE**2 - _NEVER_LESS**2), FIRST_LOOK)
