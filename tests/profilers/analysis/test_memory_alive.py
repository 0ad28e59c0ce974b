"""The largest blocks at a moment against a look at all of them."""

import numpy as np

from profilers.analysis.memory.alive import largest_alive
from profilers.analysis.memory.curve import alive_at
from profilers.profile import NEVER_NS
from tests.profilers.analysis.test_memory_curve import profile_of, random_allocations


def test_the_largest_are_those_of_a_full_list_without_what_lasts() -> None:
    profile = profile_of(random_allocations(20_000))
    allocations = profile.memory.allocations
    lasting = (allocations.allocated_ns == 0) & (allocations.freed_ns == NEVER_NS)
    assert lasting.any()
    for time_ns in (0, 1, 77, 400, 10_000):
        rows = alive_at(profile, 0, time_ns)
        wanted = allocations.bytes[rows[~lasting[rows]]][:5].tolist()
        found = largest_alive(profile, 0, time_ns, 5)
        assert allocations.bytes[found].tolist() == wanted
        assert np.isin(found, rows).all()
