"""Wall-clock time is shared among what worked at each moment, and nothing is lost or counted twice."""

import random
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.wall_time import elapsed_ns, wall_time
from profilers.profile import Profile, SliceKind, Steps, StringPool, TrackKind
from profilers.traces.trace_builder import TraceBuilder
from tests.conftest import Capture


def made(
    tracks: list[list[tuple[int, int]]],
    steps: list[tuple[int, int]],
    kind: SliceKind = SliceKind.OPERATOR,
    track_kind: TrackKind = TrackKind.THREAD,
) -> Profile:
    """Slices as (begin, end) on each track."""
    pool = StringPool()
    trace = TraceBuilder(pool)
    for number, slices in enumerate(tracks):
        track = trace.track(f"track {number}", track_kind, "host", device=0)
        for begin, end in slices:
            trace.slice(track, begin, end - begin, "work", kind, "")
    built, _ = trace.build()
    rows = [(begin, end - begin, number) for number, (begin, end) in enumerate(steps)]
    return Profile("made", trace=built, steps=Steps.from_rows(rows), strings=pool.table())


def test_the_innermost_work_counts_and_threads_share_a_moment() -> None:
    profile = made([[(0, 10), (2, 6)], [(4, 12)]], [(0, 20)])
    found = wall_time(profile)
    assert found.slice_ns.tolist() == [2 + 4 / 2, 2 + 2 / 2, 6 / 2 + 2]
    assert found.whole_ns == 20
    assert found.between_ns == 8


def test_only_what_lies_in_steps_counts() -> None:
    found = wall_time(made([[(0, 10), (15, 40)]], [(5, 20), (30, 35)]))
    assert found.slice_ns.tolist() == [5, 10]
    assert (found.whole_ns, found.between_ns, found.steps) == (20, 5, 2)


def test_without_steps_the_whole_trace_is_one() -> None:
    found = wall_time(made([[(10, 20), (30, 40)]], []))
    assert (found.whole_ns, found.between_ns, found.steps) == (30, 10, 1)


def test_where_a_device_worked_its_work_counts() -> None:
    profile = made([[(0, 4), (2, 8)]], [(0, 10)], SliceKind.KERNEL, TrackKind.STREAM)
    found = wall_time(profile)
    assert found.on_device
    assert found.between_ns == 2


def test_chosen_steps_alone_count_and_their_ends_are_told_apart() -> None:
    profile = made([[(4, 10), (12, 14), (31, 32), (47, 55)]], [(0, 20), (30, 40), (41, 45)])
    found = wall_time(profile)
    assert (found.whole_ns, found.between_ns) == (34, 25)
    assert found.around_ns == (4 + 6) + (1 + 8) + 4
    chosen = wall_time(profile, (0,))
    assert (chosen.whole_ns, chosen.steps, chosen.around_ns) == (20, 1, 10)
    assert chosen.between_ns == 12
    assert chosen.slice_ns.tolist() == [6, 2, 0, 0]


def test_parts_that_work_at_once_each_count_whole() -> None:
    profile = made([[(0, 10), (2, 6), (35, 50)], [(4, 12), (8, 11)]], [(1, 20), (30, 40)])
    part = np.array([0, 1, 0, 1, -1])
    # the first without what it encloses, and only within the steps; the second's overlap counts once
    assert elapsed_ns(profile, part, 3).tolist() == [1 + 4 + 5, (8 - 2) + 1, 0]
    assert elapsed_ns(profile, part, 3, (1,)).tolist() == [5, 0, 0]
    assert elapsed_ns(Profile("empty"), np.empty(0, np.int64), 2).tolist() == [0, 0]


def test_an_empty_profile_took_no_time() -> None:
    found = wall_time(Profile("empty"))
    assert found.around_ns == 0
    assert (found.whole_ns, found.between_ns, found.steps) == (0, 0, 0)


def nested(generator: random.Random, begin: int, end: int, depth: int) -> list[tuple[int, int]]:
    """Slices within slices, some touching, some of no length, some overlapping."""
    found = []
    at = begin
    while at < end and depth:
        start = generator.randint(at, end)
        stop = generator.randint(start, end + 4)
        found.append((start, stop))
        found += nested(generator, start, stop, depth - 1)
        at = stop + generator.randint(0, 2)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_the_same_as_counting_moment_by_moment(seed: int) -> None:
    generator = random.Random(seed)
    profile = made([nested(generator, 0, 30, 3) for _ in range(3)], [(3, 14), (17, 29)])
    slices = profile.trace.slices
    expected = np.zeros(len(slices))
    idle = 0
    for moment in [*range(3, 14), *range(17, 29)]:
        active = (slices.start_ns <= moment) & (moment < slices.start_ns + slices.duration_ns)
        innermost = set(np.flatnonzero(active).tolist())
        innermost -= {int(slices.parent[row]) for row in innermost}
        idle += not innermost
        for row in innermost:
            expected[row] += 1 / len(innermost)
    found = wall_time(profile)
    assert found.slice_ns == pytest.approx(expected)
    assert found.between_ns == pytest.approx(idle)


def test_shares_of_a_real_run_add_up(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "block.keras", "keras")
    found = wall_time(profile)
    assert found.steps == 5
    assert found.whole_ns == profile.steps.duration_ns.sum()
    assert found.slice_ns.min() >= 0
    assert found.slice_ns.sum() + found.between_ns == pytest.approx(found.whole_ns)
    linked = found.slice_ns[profile.trace.slices.node >= 0].sum()
    assert linked > 0.5 * found.slice_ns.sum()


def test_a_short_pause_belongs_to_what_ends_it_in_the_same_step() -> None:
    late = 2_000_000
    host = [(2, 10), (15, 18), (late, late + 10), (late + 20, late + 30)]
    steps = [(0, late + 15), (late + 15, late + 40)]
    found = wall_time(made([host, [(15, 16)]], steps))
    assert found.dispatch_ns.tolist() == [0, 2.5, 0, 0, 2.5]
    device = wall_time(made([host], steps, SliceKind.KERNEL, TrackKind.STREAM))
    assert device.dispatch_ns.tolist() == [0, 5, 0, 0]  # the host was late
