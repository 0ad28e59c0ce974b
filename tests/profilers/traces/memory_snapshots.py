"""CUDA memory snapshots as ``torch.cuda.memory._dump_snapshot`` lays them out, made without a GPU.

The layout is that of the docstring of ``torch.cuda.memory._snapshot``.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from profilers.opening import open_path
from profilers.profile import Profile
from profilers.profile.references import broken_references

BEGIN_US = 1_764_000_000_000_000


class Allocator:
    """Hands out addresses and writes down what it did."""

    def __init__(self, device: int = 0) -> None:
        self.device = device
        self.entries: list[dict[str, Any]] = []
        self.alive: dict[int, int] = {}
        self.segments: dict[int, int] = {}
        self.annotations: list[dict[str, Any]] = []
        self._next = (device + 1) << 40
        self._time_us = BEGIN_US

    def alloc(self, size: int, frames: list[dict[str, Any]] | None = None) -> int:
        address, self._next = self._next, self._next + size
        self.alive[address] = size
        self._write("alloc", address, size, frames)
        return address

    def free(self, address: int) -> None:
        size = self.alive.pop(address)
        self._write("free_requested", address, size)
        self._write("free_completed", address, size)

    def segment(self, size: int) -> int:
        address, self._next = self._next, self._next + size
        self.segments[address] = size
        self._write("segment_alloc", address, size)
        return address

    def drop_segment(self, address: int) -> None:
        self._write("segment_free", address, self.segments.pop(address))

    def out_of_memory(self, size: int, free: int) -> None:
        self._write("oom", 0, size)
        self.entries[-1]["device_free"] = free

    def wait(self, time_us: int) -> None:
        self._time_us += time_us

    def annotate(self, name: str, stage: str) -> None:
        self.annotations.append(
            {"name": name, "stage": stage, "device": self.device, "time_us": self._time_us}
        )

    def held(self) -> list[dict[str, Any]]:
        """The segments as they are now; all blocks that are alive lie in one of their own."""
        blocks = [
            {"address": address, "size": size, "requested_size": size, "state": "active_allocated"}
            for address, size in self.alive.items()
        ]
        unused = [
            {"address": address, "size": size, "requested_size": 0, "state": "inactive"}
            for address, size in self.segments.items()
        ]
        return [
            {
                "device": self.device, "address": each["address"], "total_size": each["size"],
                "stream": 0, "segment_type": "large", "segment_pool_id": (0, 0), "blocks": [each],
            }
            for each in (*blocks, *unused)
        ]  # fmt: skip

    def _write(
        self, action: str, address: int, size: int, frames: list[dict[str, Any]] | None = None
    ) -> None:
        self.entries.append(
            {
                "action": action, "addr": address, "size": size, "stream": 0,
                "time_us": self._time_us, "frames": frames or [],
            }
        )  # fmt: skip


class PooledAllocator(Allocator):
    """Places blocks in segments of 20 MiB, first fit, and gives an unused segment back on request."""

    segment_bytes = 20 << 20

    def alloc(self, size: int, frames: list[dict[str, Any]] | None = None) -> int:
        address = self._place(size)
        self.alive[address] = size
        self._write("alloc", address, size, frames)
        return address

    def gaps(self, segment: int) -> list[tuple[int, int]]:
        """Address and size of each free piece of a segment."""
        found, at = [], segment
        end = segment + self.segments[segment]
        for address, size in sorted(self.alive.items()):
            if segment <= address < end:
                found += [(at, address - at)] if address > at else []
                at = address + size
        return [*found, (at, end - at)] if at < end else found

    def release_unused(self) -> None:
        for segment, size in list(self.segments.items()):
            if self.gaps(segment) == [(segment, size)]:
                self.drop_segment(segment)

    def held(self) -> list[dict[str, Any]]:
        return [
            {
                "device": self.device, "address": segment, "total_size": size, "stream": 0,
                "segment_type": "large", "segment_pool_id": (0, 0), "blocks": self._blocks(segment),
            }
            for segment, size in self.segments.items()
        ]  # fmt: skip

    def _blocks(self, segment: int) -> list[dict[str, Any]]:
        end = segment + self.segments[segment]
        used = [
            {"address": at, "size": size, "requested_size": size, "state": "active_allocated"}
            for at, size in self.alive.items()
            if segment <= at < end
        ]
        free = [
            {"address": at, "size": size, "requested_size": 0, "state": "inactive"}
            for at, size in self.gaps(segment)
        ]
        return sorted([*used, *free], key=lambda block: block["address"])

    def _place(self, size: int) -> int:
        for segment in self.segments:
            for at, free in self.gaps(segment):
                if free >= size:
                    return at
        return self.segment(max(self.segment_bytes, size))


def stack(*calls: str) -> list[dict[str, Any]]:
    """Frames, the innermost first."""
    return [
        {"filename": call.split(":")[0], "line": 10 + at, "name": call.split(":")[1]}
        for at, call in enumerate(calls)
    ]


def training(steps: int = 20, layers: int = 12, seed: int = 0) -> Allocator:
    """Parameters, then in each step activations that grow and shrink again, and gradients."""
    random = np.random.default_rng(seed)
    allocator = Allocator()
    init = stack("/lib/torch/nn/init.py:normal_", "train.py:build", "train.py:main")
    allocator.segment(2 << 30)
    sizes = (random.integers(1, 64, layers) << 20).tolist()
    for size in sizes:
        allocator.alloc(size, init)
    for _ in range(steps):
        activations = []
        for layer, size in enumerate(sizes):
            frames = stack("/lib/torch/nn/functional.py:linear", f"model.py:layer{layer}")
            activations.append(allocator.alloc(2 * size, frames))
            allocator.wait(int(random.integers(0, 900)))
            scratch = allocator.alloc(size // 2, frames)
            allocator.wait(50)
            allocator.free(scratch)
        gradients = []
        for size, activation in zip(reversed(sizes), reversed(activations), strict=True):
            gradients.append(allocator.alloc(size, stack("train.py:backward")))
            allocator.wait(int(random.integers(0, 1500)))
            allocator.free(activation)
        for gradient in gradients:
            allocator.free(gradient)
        allocator.wait(400)
    return allocator


def pooled_training(steps: int = 6, layers: int = 8, seed: int = 0) -> PooledAllocator:
    """The same in segments; each step keeps 1 MiB more than it should."""
    random = np.random.default_rng(seed)
    allocator = PooledAllocator()
    sizes = (random.integers(1, 12, layers) << 20).tolist()
    for size in sizes:
        allocator.alloc(size, stack("train.py:build"))
    for step in range(steps):
        allocator.annotate(f"ProfilerStep#{step}", "START")
        activations = []
        for layer, size in enumerate(sizes):
            activations.append(allocator.alloc(size, stack(f"model.py:layer{layer}")))
            allocator.wait(int(random.integers(100, 900)))
        allocator.alloc(1 << 20, stack("train.py:log_loss"))
        for activation in reversed(activations):
            allocator.wait(int(random.integers(100, 900)))
            allocator.free(activation)
        if step % 3 == 2:
            allocator.release_unused()
        allocator.annotate(f"ProfilerStep#{step}", "END")
        allocator.wait(200)
    return allocator


def snapshot(*allocators: Allocator) -> dict[str, Any]:
    return {
        "segments": [segment for each in allocators for segment in each.held()],
        "device_traces": [each.entries for each in allocators],
        "allocator_settings": {"expandable_segments": False},
        "external_annotations": [mark for each in allocators for mark in each.annotations],
    }


def opened(folder: Path, content: Any, protocol: int = 4) -> Profile:
    path = folder / "memory.pickle"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    assert not broken_references(profile)
    return profile


def messages(profile: Profile) -> str:
    return " ".join(each.message for each in profile.diagnostics)
