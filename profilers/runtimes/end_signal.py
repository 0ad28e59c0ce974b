"""What ends a sweep before its time: SIGINT, which a worker ignores otherwise."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_end_signal(end: Callable[[], object]) -> Iterator[None]:
    """While it lasts, SIGINT calls `end`, wherever the main thread is."""
    before = signal.signal(signal.SIGINT, lambda number, frame: end())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
