"""Statistics of weights: exact where all are looked at, bounded, and never in the way."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from profilers.captures.parameter_statistics import with_statistics
from profilers.parameter_statistics import (
    FILE,
    MOST_VALUES,
    read_statistics,
    statistics_of,
    stride_of,
    write_statistics,
)
from profilers.profile import decode
from tests.sample import sample_profile


def test_the_figures_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(2.0, 3.0, (40, 50)).astype(np.float32)
    values[0, :7] = 0.0
    found = statistics_of(values)
    assert found["count"] == 2000
    assert "sampled" not in found
    assert found["zeros"] == 7
    assert found["minimum"] == pytest.approx(values.min())
    assert found["maximum"] == pytest.approx(values.max())
    assert found["mean"] == pytest.approx(values.mean(dtype=np.float64))
    assert found["standard_deviation"] == pytest.approx(values.std(dtype=np.float64))
    counts, _ = np.histogram(values.astype(np.float64), bins=len(found["histogram"]))
    assert found["histogram"] == counts.tolist()


def test_what_is_no_number_is_counted_apart() -> None:
    found = statistics_of(np.array([1.0, np.nan, np.inf, -np.inf, 3.0]))
    assert (found["nan"], found["infinite"]) == (1, 2)
    assert (found["minimum"], found["maximum"], found["mean"]) == (1.0, 3.0, 2.0)
    assert "minimum" not in statistics_of(np.array([np.nan, np.inf]))


@pytest.mark.parametrize(
    "values",
    [
        np.array([], np.float32),
        np.array(5, np.int8),
        np.array([True, False]),
        np.array([1e308, -1e308]),
        np.array([0.0, 5e-324, 3e-310]),
        np.zeros((3, 4), np.float16),
        np.array([2**63 - 1, -(2**63)]),
    ],
    ids=lambda each: f"{each.dtype}{each.shape}",
)
def test_odd_arrays_have_figures_that_json_can_hold(values: np.ndarray) -> None:
    found = statistics_of(values)
    assert found["count"] == values.size
    assert json.loads(json.dumps(found)) == found
    assert sum(found.get("histogram", ())) == (values.size if values.size else 0)


@pytest.mark.parametrize("values", [np.array(["a"]), np.array([1 + 2j])])
def test_what_has_no_order_has_no_figures(values: np.ndarray) -> None:
    assert statistics_of(values) == {}


def test_a_large_parameter_is_looked_at_in_part_and_says_so() -> None:
    count = 3 * MOST_VALUES + 5
    values = np.broadcast_to(np.float32(1.5), (count,))
    found = statistics_of(values[:: stride_of(count)], count)
    assert found["count"] == count
    assert 0 < found["sampled"] <= MOST_VALUES
    assert found["mean"] == 1.5


def test_weights_that_fail_or_come_too_late_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def fails() -> tuple[np.ndarray, int]:
        raise RuntimeError("on a device that is gone")

    def slow() -> tuple[np.ndarray, int]:
        clock[0] += 0.6
        return np.ones(3), 3

    write_statistics(
        tmp_path,
        [("bad", fails), ("good", lambda: (np.ones(3), 3)), ("slow", slow), ("late", fails)],
    )
    assert set(read_statistics(tmp_path)) == {"good", "slow"}


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 5}', "[" * 5000, '{"a": {"mean":'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_statistics(tmp_path) == {}
    profile = sample_profile()
    assert with_statistics(profile, tmp_path) is profile


def test_they_are_tied_to_parameters_by_name(tmp_path: Path) -> None:
    profile = sample_profile()
    name = profile.strings[int(profile.authored.parameters.name[1])]
    write_statistics(tmp_path, [(name, lambda: (np.arange(4.0), 4))])
    graph = with_statistics(profile, tmp_path).authored
    assert len(graph.parameter_statistics) == len(graph.parameters)
    assert decode(graph.parameter_statistics, 0) == {}
    assert decode(graph.parameter_statistics, 1)["mean"] == 1.5
