"""Operator statistics against sums done by hand."""

import numpy as np
import pytest

from profilers.analysis.operators import by_name, by_node
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile, SliceKind, StringPool, Trace, TrackKind
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
