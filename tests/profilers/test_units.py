"""Numbers as people read them."""

import pytest

from profilers.units import format_difference


@pytest.mark.parametrize(
    ("difference_ns", "told"),
    [
        (1_500, "+1.5 µs"),
        (-20_000_000, "−20 ms"),
        (0, "0 ns"),
        (-0.3, "0 ns"),
        (0.3, "0 ns"),
    ],
)
def test_a_difference_is_told_with_its_sign_unless_it_is_nothing(
    difference_ns: float, told: str
) -> None:
    assert format_difference(difference_ns) == told
