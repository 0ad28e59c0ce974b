"""Keeps our own packages from user code that has packages of the same names."""

import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

OUR_OTHER_NAMES = ("app", "views", "resources")


class HideOurNames:
    """Import hook that keeps Twinscope's own `app`, `views`, `resources` from user code.

    A pickled model may come from a package of the same name in the user's own folder; that one is
    found, ours is not.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root).resolve()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in OUR_OTHER_NAMES:
            return None
        elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != self.root]
        spec = importlib.machinery.PathFinder.find_spec(name, elsewhere)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


def hidden_root() -> str:
    """The folder whose names are hidden in this process, "" if none is."""
    found = (each for each in sys.meta_path if isinstance(each, HideOurNames))
    return next((str(each.root) for each in found), "")
