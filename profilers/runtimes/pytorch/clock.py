"""How far a rank's clock is from that of rank 0, by messages that go there and back."""

import time
from typing import Any

_ROUNDS = 40


def clock_of_rank(distributed: Any) -> dict[str, int]:
    """Offset of this rank's wall clock in ns and what it may be wrong by; every rank must call it.

    Rank 0 notes when it asks and when the answer arrives; the rank's own time belongs to the middle,
    give or take half of the way. The quickest of several rounds counts, as in NTP.
    """
    import torch

    rank, count = distributed.get_rank(), distributed.get_world_size()
    result = torch.zeros(2, dtype=torch.int64)
    message = torch.zeros(1, dtype=torch.int64)
    for other in range(1, count):
        if rank == 0:
            rounds = [_asked(distributed, message, other) for _ in range(_ROUNDS)]
            way_ns, offset_ns = min(rounds)
            distributed.send(torch.tensor([offset_ns, way_ns // 2 + 1]), other)
        elif rank == other:
            for _ in range(_ROUNDS):
                distributed.recv(message, 0)
                message[0] = time.time_ns()
                distributed.send(message, 0)
            distributed.recv(result, 0)
    offset_ns, uncertainty_ns = result.tolist()
    return {"offset_ns": int(offset_ns), "uncertainty_ns": int(uncertainty_ns)}


def _asked(distributed: Any, message: Any, other: int) -> tuple[int, int]:
    """Length of the way there and back, and the offset that it suggests."""
    asked_ns = time.time_ns()
    distributed.send(message, other)
    distributed.recv(message, other)
    answered_ns = time.time_ns()
    return answered_ns - asked_ns, int(message[0]) - (asked_ns + answered_ns) // 2
