"""CUDA memory snapshots as ``torch.cuda.memory._dump_snapshot`` lays them out, made without a GPU.

The layout is that of the docstring of ``torch.cuda.memory._snapshot``.
"""

from typing import Any

import numpy as np

BEGIN_US = 1_764_000_000_000_000


class Allocator:
    """Hands out addresses and writes down what it did."""

    def __init__(self, device: int = 0) -> None:
        self.device = device
        self.entries: list[dict[str, Any]] = []
        self.alive: dict[int, int] = {}
        self.segments: dict[int, int] = {}
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


def snapshot(*allocators: Allocator) -> dict[str, Any]:
    return {
        "segments": [segment for each in allocators for segment in each.held()],
        "device_traces": [each.entries for each in allocators],
        "allocator_settings": {"expandable_segments": False},
    }
