"""How far two runs' results are apart, also where they hold no numbers."""

import numpy as np

from profilers.analysis.result_error import result_error


def test_what_is_no_number_in_both_is_no_difference() -> None:
    ours = np.array([1.0, np.nan, np.inf, -np.inf])
    same = result_error([ours], [ours.copy()])
    assert same is not None
    assert same.largest == same.mean == 0
    other = result_error([ours], [np.array([1.5, np.nan, np.inf, np.inf])])
    assert other is not None
    assert other.largest == np.inf
