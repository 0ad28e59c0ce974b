"""How long this process had to wait for a processor while steps ran. Standard library only."""

from pathlib import Path

WAIT_FACT = "Waited for a processor"  # label among the run's facts
_TASKS = Path("/proc/self/task")


class WaitMeter:
    """Reads the scheduler's counters of all threads when it is made and again in `share`."""

    def __init__(self) -> None:
        self._begin = _counters()

    def share(self) -> float | None:
        """Time that threads were ready but not run, of all that they were ready; None if not known."""
        end = _counters()
        run = waited = 0
        for thread, (own_run, own_wait) in end.items():
            before = self._begin.get(thread, (0, 0))
            run += own_run - before[0]
            waited += own_wait - before[1]
        return waited / (run + waited) if run > 0 and waited >= 0 else None


def _counters() -> dict[str, tuple[int, int]]:
    """Nanoseconds on a processor and waiting for one, by thread; empty where it is no Linux."""
    found = {}
    try:
        for task in _TASKS.iterdir():
            words = (task / "schedstat").read_text().split()
            found[task.name] = int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):  # a thread ended, or nobody tells
        return found
    return found
