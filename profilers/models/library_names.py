"""Names of models that installed libraries make, read from their source text: nothing is imported."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_REGISTERED = re.compile(
    r"^@register_model\b(?:\(\s*name\s*=\s*[\"']([\w.-]+)[\"'])?.*?^def (\w+)",
    re.MULTILINE | re.DOTALL,
)
_CONFIGURATION = re.compile(r"\(\s*\"([\w.-]+)\",\s*\"\w+Config\"\s*\)")


@cache
def library_names(library: str) -> tuple[str, ...]:
    """What the library makes, sorted; empty where it is not installed.

    Parameters
    ----------
    library : str
        "torchvision", "timm" or "transformers" (its model types).
    """
    folder = folder_of(library)
    if folder is None:
        return ()
    return tuple(sorted(set(_FINDERS[library](folder))))


def folder_of(library: str) -> Path | None:
    """Where an installed package lies."""
    try:
        spec = find_spec(library)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _registered(folder: Path) -> Iterator[str]:
    for file in (folder / "models").rglob("*.py"):
        text = file.read_text(encoding="utf-8", errors="replace")
        if "@register_model" in text:
            yield from (given or function for given, function in _REGISTERED.findall(text))


def _model_types(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "models" / "auto").glob("*.py")):
        yield from _CONFIGURATION.findall(file.read_text(encoding="utf-8", errors="replace"))


_FINDERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "torchvision": _registered,
    "timm": _registered,
    "transformers": _model_types,
}
