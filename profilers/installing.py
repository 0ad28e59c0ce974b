"""How a missing package is installed, whether Twinscope came from an index or from a folder."""

import re
from collections.abc import Iterable

_PINNED = re.compile(r"([\w.-]+)(==[\w.+]+)")
_DISTRIBUTIONS = {"ai_edge_litert": "ai-edge-litert"}


def install_command(names: Iterable[str]) -> str:
    """``pip install torch==2.13.0``: the versions that the modes are tested with, where they are known.

    Parameters
    ----------
    names : iterable of str
        Import names; of "a|b" the last is installed.
    """
    pins = _pins()
    wanted = [_DISTRIBUTIONS.get(name, name) for name in (each.split("|")[-1] for each in names)]
    return " ".join(("pip install", *(name + pins.get(name, "") for name in wanted)))


def _pins() -> dict[str, str]:
    """Of the environment that Twinscope is installed in; a worker elsewhere knows none."""
    from importlib.metadata import PackageNotFoundError, requires  # takes a while, for a rare need

    try:
        told = requires("twinscope") or []
    except PackageNotFoundError:
        return {}
    found = (_PINNED.match(each) for each in told)
    return {match[1]: match[2] for match in found if match}
