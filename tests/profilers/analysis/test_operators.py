"""Operator statistics against sums done by hand."""

import numpy as np
import pytest

from profilers.analysis.operators import by_name, by_node, launching_operator
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile, SliceKind, Slices, StringPool, Trace, TrackKind
from profilers.traces.trace_builder import TraceBuilder
from tests.sample import MS, sample_profile


def trace_of(*intervals: tuple[int, int, str]) -> Profile:
    """Operators on one track."""
    pool = StringPool()
    builder = TraceBuilder(pool)
    track = builder.track("thread", TrackKind.THREAD, "host")
    for begin, end, name in intervals:
        builder.slice(track, begin, end - begin, name, SliceKind.OPERATOR, "op")
    trace, _ = builder.build()
    return Profile("by hand", strings=pool.table(), trace=trace)


def named(profile: Profile) -> dict[str, tuple[int, int, int]]:
    """Calls, total and self time by name."""
    table = by_name(profile)
    return {
        profile.strings[key]: (calls, total, own)
        for key, calls, total, own in zip(
            table.key.tolist(),
            table.calls.tolist(),
            table.total_ns.tolist(),
            table.self_ns.tolist(),
            strict=True,
        )
    }


def test_self_time_leaves_out_children_and_counts_recursion_once() -> None:
    profile = trace_of((0, 100, "a"), (10, 40, "b"), (20, 30, "a"), (50, 90, "b"))
    assert named(profile) == {"a": (2, 100, 40), "b": (2, 70, 60)}


def test_self_times_add_up_to_the_covered_time() -> None:
    generator = np.random.default_rng(0)
    intervals = []
    for begin in range(0, 100_000, 1000):
        middle = begin + int(generator.integers(1, 900))
        intervals += [(begin, begin + 950, "outer"), (begin, middle, "left")]
        intervals += [(middle, begin + 940, "right"), (middle, middle + 5, "leaf")]
    trace: Trace = trace_of(*intervals).trace
    assert int(self_time_ns(trace.slices).sum()) == 100 * 950
    assert self_time_ns(trace.slices).min() >= 0


def random_operators(seed: int, scale_ns: int = 1) -> Profile:
    """Names that recur at several depths of two threads, with partial overlaps and equal intervals."""
    generator = np.random.default_rng(seed)
    pool = StringPool()
    builder = TraceBuilder(pool)
    tracks = [builder.track(name, TrackKind.THREAD, "host") for name in ("one", "two")]
    stream = builder.track("stream", TrackKind.STREAM, "GPU", device=0)
    for at in range(300):
        begin = int(generator.integers(0, 500))
        length = int(generator.choice([0, 3, 10, 40, 200])) * scale_ns
        kind = SliceKind(int(generator.choice([SliceKind.OPERATOR, SliceKind.RUNTIME])))
        name = f"op {generator.integers(6)}"
        track = int(generator.choice(tracks))
        caller = builder.slice(track, begin * scale_ns, length, name, kind)
        if at % 3 == 0:
            length = int(generator.integers(1, 20))
            work = builder.slice(stream, 2 * at * scale_ns, length, "k", SliceKind.KERNEL)
            builder.flow(caller, work, "launch")
    trace, _ = builder.build()
    return Profile("random", strings=pool.table(), trace=trace)


def self_time_one_by_one(slices: Slices) -> list[int]:
    starts, ends = slices.start_ns.tolist(), (slices.start_ns + slices.duration_ns).tolist()
    own = []
    for row in range(len(slices)):
        reached, covered = starts[row], 0
        for child in np.flatnonzero(slices.parent == row).tolist():
            end = min(ends[child], ends[row])
            covered += max(end - max(starts[child], reached), 0)
            reached = max(reached, end)
        own.append(ends[row] - starts[row] - covered)
    return own


def launcher_of(slices: Slices, row: int) -> int:
    while row >= 0 and slices.kind[row] != SliceKind.OPERATOR:
        row = int(slices.parent[row])
    return row


def totals_one_by_one(slices: Slices) -> dict[int, int]:
    """Time by name of operators that lie within no earlier one of their name and thread."""
    ends = slices.start_ns + slices.duration_ns
    totals: dict[int, int] = {}
    for row in np.flatnonzero(slices.kind == SliceKind.OPERATOR).tolist():
        earlier = np.arange(row)
        same = (slices.name[earlier] == slices.name[row]) & (
            slices.kind[earlier] == SliceKind.OPERATOR
        )
        same &= slices.track[earlier] == slices.track[row]
        is_inside = bool((ends[earlier][same] >= ends[row]).any())
        name = int(slices.name[row])
        totals[name] = totals.get(name, 0) + (0 if is_inside else int(slices.duration_ns[row]))
    return totals


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale_ns", [1, 10**15])  # exact also where float64 is not
def test_sums_equal_those_made_one_by_one(seed: int, scale_ns: int) -> None:
    profile = random_operators(seed, scale_ns)
    slices = profile.trace.slices
    assert (slices.depth > slices.depth[slices.parent] + 1)[slices.parent >= 0].any()
    assert self_time_ns(slices).tolist() == self_time_one_by_one(slices)
    table = by_name(profile)
    totals = totals_one_by_one(slices)
    assert dict(zip(table.key.tolist(), table.total_ns.tolist(), strict=True)) == totals
    for row, key in enumerate(table.key.tolist()):
        durations = slices.duration_ns[
            (slices.name == key) & (slices.kind == SliceKind.OPERATOR)
        ].tolist()
        assert table.calls[row] == len(durations)
        assert (table.shortest_ns[row], table.longest_ns[row]) == (min(durations), max(durations))
    flows = profile.trace.flows
    expected = [
        (launcher_of(slices, source), target)
        for source, target in zip(flows.source.tolist(), flows.target.tolist(), strict=True)
        if launcher_of(slices, source) >= 0
    ]
    operators, launched = launching_operator(profile)
    assert list(zip(operators.tolist(), launched.tolist(), strict=True)) == expected
    device_ns = dict.fromkeys(totals, 0)
    for operator, kernel in expected:
        device_ns[int(slices.name[operator])] += int(slices.duration_ns[kernel])
    assert dict(zip(table.key.tolist(), table.device_ns.tolist(), strict=True)) == device_ns


def test_children_that_outlast_their_parent_count_as_far_as_it_lasts() -> None:
    slices = trace_of((0, 100, "outer"), (10, 60, "inner"), (70, 90, "inner")).trace.slices
    longer = slices.replace(duration_ns=np.where(slices.start_ns == 70, 500, slices.duration_ns))
    assert self_time_ns(longer).tolist() == [20, 50, 500]


def test_device_time_goes_to_the_operator_that_launched() -> None:
    profile = sample_profile(blocks=2, steps=3)
    table = by_name(profile)
    names = [profile.strings[key] for key in table.key.tolist()]
    conv = names.index("aten::conv2d")
    assert table.calls[conv] == 6
    assert table.device_ns[conv] == 6 * 450_000
    kernels = by_name(profile, SliceKind.KERNEL)
    assert int(kernels.total_ns.sum()) == int(table.device_ns.sum())


def test_operators_by_node_keep_every_nanosecond() -> None:
    profile = sample_profile(blocks=2, steps=3)
    nodes, names = by_node(profile), by_name(profile)
    assert int(nodes.self_ns.sum()) == int(names.self_ns.sum()) > 0
    assert -1 not in nodes.key


@pytest.mark.parametrize("kind", [SliceKind.OPERATOR, SliceKind.KERNEL])
def test_only_the_steps_count(kind: SliceKind) -> None:
    profile = sample_profile(blocks=1, steps=2)
    slices = profile.trace.slices
    outside = slices.replace(step=np.where(slices.step == 1, -1, slices.step))
    trace = Trace(
        outside, profile.trace.tracks, profile.trace.flows, profile.trace.counters,
        profile.trace.arguments,
    )  # fmt: skip
    half = Profile(
        "half",
        profile.strings,
        trace,
        profile.graphs,
        profile.fusion,
        profile.memory,
        profile.steps,
    )
    assert by_name(half, kind).calls.sum() * 2 == by_name(profile, kind).calls.sum()
    assert MS > by_name(half, kind).longest_ns.max() > 0
