"""Allocator events of xplane traces, paired by address."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profilers.profile import NEVER_NS, MemoryCategory, Profile
from profilers.traces import xplane
from tests.profilers.traces.made_xspace import MadeSpace

ALLOCATORS = ("cpu_bfc", "GPU_0_bfc", "GPU_1_bfc")
CALLS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(ALLOCATORS), st.integers(0, 1)),
    max_size=30,
)


def read(space: MadeSpace, folder: Path) -> tuple[Profile, list[str]]:
    path = space.write(folder / "memory.xplane.pb")
    return xplane.read_with_operations(path, lambda fraction: None)


def paired(calls: list[Any]) -> list[tuple[int, int, str]]:
    """Begin, end and operation of each block, found with a dictionary of the living."""
    blocks: list[list[Any]] = []
    alive: dict[tuple[str, int], list[Any]] = {}
    for time, (is_allocation, address, allocator, _) in enumerate(calls):
        if is_allocation:
            alive[allocator, address] = [time, NEVER_NS, f"op {time}"]
            blocks.append(alive[allocator, address])
        elif (allocator, address) in alive:
            alive.pop((allocator, address))[1] = time
        else:
            blocks.append([0, time, ""])
    return [(begin, end, operation) for begin, end, operation in blocks]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_a_free_ends_the_last_allocation_of_its_address(tmp_path: Path, calls: list[Any]) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    threads = [host.line(f"thread {number}") for number in range(2)]
    for time, (is_allocation, address, allocator, thread) in enumerate(calls):
        name = "MemoryAllocation" if is_allocation else "MemoryDeallocation"
        host.event(
            threads[thread], name, time, 0,
            addr=address, allocator_name=allocator, allocation_bytes=10 + time, tf_op=f"op {time}",
        )  # fmt: skip
    profile, operations = read(space, tmp_path)
    table = profile.memory.allocations
    found = zip(table.allocated_ns.tolist(), table.freed_ns.tolist(), operations, strict=True)
    assert list(found) == paired(calls)
    devices = {profile.strings[device] for device in table.device.tolist()}
    assert devices <= {"cpu", "cuda:0", "cuda:1"}
    assert profile.memory.counters.time_ns.tolist() == list(range(len(calls)))


def test_what_the_allocator_says_of_a_block(tmp_path: Path) -> None:
    space = MadeSpace()
    host = space.plane("/host:CPU")
    line = host.line("python")
    host.event(line, "conv", 10, 100)
    region = host.stat_id("output")
    event = host.event(
        line, "MemoryAllocation", 20, 0,
        addr=2**63 - 1, allocator_name="GPU_1_bfc", allocation_bytes=4096,
        bytes_allocated=8192, bytes_reserved=2**63 - 1, tf_op="conv1",
    )  # fmt: skip
    event.stats.add(metadata_id=host.stat_id("region_type"), ref_value=region)
    profile, operations = read(space, tmp_path)
    table, counters = profile.memory.allocations, profile.memory.counters
    assert (table.bytes.tolist(), operations) == ([4096], ["conv1"])
    assert table.category.tolist() == [MemoryCategory.ACTIVATION]
    assert profile.strings[table.device[0]] == "cuda:1"
    assert profile.strings[profile.trace.slices.name[table.slice[0]]] == "conv"
    assert counters.allocated_bytes.tolist() == [8192]
    assert counters.reserved_bytes.tolist() == [-1]  # larger than any memory: not told
