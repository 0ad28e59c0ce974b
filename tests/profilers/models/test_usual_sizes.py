"""Sizes that a model is first tried with."""

import pytest

from profilers.request import InputSpec


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        (("?0", "?1", "?2", 3), (1, 224, 224, 3)),
        (("N", 3, "height", "width"), (1, 3, 224, 224)),
        ((4, 3, 32, 32), (4, 3, 32, 32)),
        (("batch", "tokens"), (1, 16)),
        (("batch", "past + tokens"), (1, 32)),
        (("batch", "past + 1"), (1, 17)),
        (("?0",), (1,)),
        ((), ()),
    ],
)
def test_open_sizes_get_usual_ones(shape: tuple[int | str, ...], sizes: tuple[int, ...]) -> None:
    assert InputSpec("x", "float32", shape).with_sizes().shape == sizes


def test_sizes_that_a_file_tells_come_first() -> None:
    told = InputSpec("x", "float32", ("n", 3, "h", "w"), examples=(2, 3, 32, 48))
    assert told.with_sizes().shape == (2, 3, 32, 48)
