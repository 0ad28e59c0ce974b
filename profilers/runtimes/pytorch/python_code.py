"""Runs a person's Python file and lets it make a model; only after they agreed to that."""

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from profilers.errors import MissingCode, TwinscopeError
from profilers.models.python_source import EXAMPLES, read_python

_INSTALLED = ("site-packages", "dist-packages")


_own_modules = frozenset(sys.modules)  # all that were there before any file ran


def run_python_file(path: Path, entry: str) -> tuple[Any, Callable[[], Any] | None]:
    """Execute a file and call one of its functions or classes.

    Parameters
    ----------
    path : Path
    entry : str
        Name of a function or class that takes no arguments; "" for the likeliest.

    Returns
    -------
    made : object
        What the entry returned.
    examples : callable or None
        The file's own ``example_inputs``, where it has one.

    Raises
    ------
    TwinscopeError
        If the file cannot be executed, or offers no such entry, or that fails.
    """
    path = path.resolve()
    module = _executed(path)
    name = entry or _likeliest(path)
    make = getattr(module, name, None)
    if not callable(make):
        raise TwinscopeError(
            f"{path.name} offers no {name}",
            "there is no such function or class at its top",
            "See what it offers with: twinscope info.",
        )
    try:
        made = make()
    except Exception as error:  # the person's own code
        raise _failed(f"{path.name}:{name} failed", path, error) from error
    examples = getattr(module, EXAMPLES, None)
    return made, examples if callable(examples) else None


def _likeliest(path: Path) -> str:
    entries = read_python(path.read_text(encoding="utf-8-sig")).entries
    return entries[0].name if entries else "make_model"


def _executed(path: Path) -> ModuleType:
    """The file as a fresh module: what was imported from beside it is forgotten first."""
    folder = path.parent
    for name, module in list(sys.modules.items()):
        if name not in _own_modules and _is_beside(getattr(module, "__file__", None), folder):
            del sys.modules[name]
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_of_the_model"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TwinscopeError(f"{path.name} cannot be run", "its name does not end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # the person's own code, which may also call sys.exit
        sys.modules.pop(name, None)
        raise _failed(f"{path.name} cannot be run", path, error) from error
    return module


def _is_beside(file: str | None, folder: Path) -> bool:
    if not file:
        return False
    path = Path(file)
    return folder in path.parents and not any(part in _INSTALLED for part in path.parts)


def _failed(what: str, path: Path, error: BaseException) -> TwinscopeError:
    """Names the line of the person's own file."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == path
    ]  # fmt: skip
    where = f"line {lines[-1]}: " if lines else ""
    why = f"{where}{type(error).__name__}: {error}".rstrip(": ")
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, ModuleNotFoundError):
        return MissingCode(
            what,
            f"{where}there is no module {error.name!r} here",
            f"Install it in this Python, or give the folder that holds {error.name} as the source folder.",
            detail,
        )
    return TwinscopeError(what, why, "The details hold the traceback.", detail)
