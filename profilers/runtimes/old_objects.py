"""Lets the collector of reference cycles look at new objects only, while we do work of our own."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def old_objects_spared() -> Iterator[None]:
    """While it lasts, what is there already is not looked through for garbage.

    A framework's modules are 340,000 objects, and exporting a graph makes enough new ones that all are
    looked through once or twice: 0.2 s each time. Steps of a model run without this, as they would
    anywhere.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
