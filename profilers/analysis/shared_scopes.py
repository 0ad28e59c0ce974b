"""Scopes that nearly all names of a list begin with: cut names are told apart by what follows."""

import re
from collections import Counter
from collections.abc import Sequence

_PART = re.compile(r"[^./]*[./]")
_NEARLY_ALL = 0.8
_SHORTEST_SCOPE = 12  # letters; less is not worth to be left out
_FEWEST_NAMES = 3
_MOST_READ = 2000  # names, evenly chosen
_DEEPEST = 64


def shared_scope(names: Sequence[str]) -> str:
    """What nearly all names with scopes begin with, up to a "." or "/"; "" where that is little.

    ``StatefulPartitionedCall/mobile_1/conv/Conv2D`` has the scopes ``StatefulPartitionedCall/``,
    ``mobile_1/`` and ``conv/``. Names with spaces have none: they are sentences.
    """
    chosen = names[:: -(-len(names) // _MOST_READ) or 1]
    scoped = [name for name in chosen if " " not in name and _PART.match(name)]
    fewest = max(_NEARLY_ALL * len(scoped), _FEWEST_NAMES)
    scope = ""
    for _ in range(_DEEPEST):
        parts = (_PART.match(name, len(scope)) for name in scoped)
        ((part, count),) = Counter(part[0] for part in parts if part).most_common(1) or [("", 0)]
        if count < fewest:
            break
        scope += part
        scoped = [name for name in scoped if name.startswith(scope)]
    return scope if len(scope) >= _SHORTEST_SCOPE else ""


def without_scope(name: str, scope: str) -> str:
    """The name with a mark in place of the scope, where it lies in it."""
    return f"…{name[len(scope) :]}" if scope and name.startswith(scope) else name


def without_shared_scope(names: Sequence[str]) -> list[str]:
    """The names as they are told apart in little room."""
    scope = shared_scope(names)
    return [without_scope(name, scope) for name in names]
