"""Imports what registers the custom operators that a model uses."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError

_LIBRARIES = (".so", ".dll", ".dylib", ".pyd")


def import_first(text: str, source_folder: str) -> None:
    """Import modules, Python files and libraries that a person named, separated by commas.

    Parameters
    ----------
    text : str
        Empty for none.
    source_folder : str
        Modules are looked for there too.

    Raises
    ------
    TwinscopeError
        If one of them cannot be imported.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names and source_folder and source_folder not in sys.path:
        sys.path.insert(0, source_folder)
    for name in names:
        try:
            _import(name)
        except Exception as error:  # it runs code of its own
            raise TwinscopeError(
                f"Cannot import {name}, which was to be imported first",
                f"{type(error).__name__}: {error}",
                "Give a module that Python finds, or the path of a Python file or a library.",
            ) from error


def _import(name: str) -> None:
    path = Path(name)
    if path.suffix in _LIBRARIES:
        import torch

        operators: Any = torch.ops  # has no type hints
        operators.load_library(str(path))
    elif path.suffix == ".py":
        if path.stem in sys.modules:
            return
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        importlib.import_module(name)
