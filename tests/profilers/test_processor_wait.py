"""Waiting for a processor, as the scheduler tells it."""

import sys
import threading

import pytest

from profilers.analysis.comparison.side import waited
from profilers.runtimes.processor_wait import WAIT_FACT, WaitMeter


def _work(rounds: int) -> None:
    for _ in range(rounds):
        sum(range(10_000))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the scheduler tells it on Linux")
def test_a_share_of_all_threads_is_told() -> None:
    meter = WaitMeter()
    helper = threading.Thread(target=_work, args=(200,))
    helper.start()
    _work(200)
    share = meter.share()
    helper.join()
    assert share is not None
    assert 0 <= share <= 1


def test_the_fact_is_read_back_and_anything_else_is_no_waiting() -> None:
    assert waited({WAIT_FACT: "34 % of the time"}) == 0.34
    assert waited({WAIT_FACT: "nobody knows"}) == 0
    assert waited({WAIT_FACT: "900 % of the time"}) == 1
    assert waited({}) == 0
