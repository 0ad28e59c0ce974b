"""Layers and functions that a Keras file names and does not hold: found, or told to be missing."""

import ast
import importlib
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from profilers.errors import MissingCode, first_line
from profilers.models.keras_dangers import named_activations

logger = logging.getLogger(__name__)

_FUNCTIONS = frozenset({"function", "builtin_function_or_method"})
_OF_KERAS = (
    "layers", "initializers", "activations", "regularizers", "constraints", "losses", "metrics",
    "optimizers",
)  # fmt: skip
_UNNAMED_CLASSES = frozenset({"Functional"})  # older files name it, and no public module holds it
_LIBRARIES = frozenset({"keras_hub", "keras_cv", "keras_nlp"})
_MOST_NAMED = 5
_MOST_FILES = 1000
_MOST_FILE_BYTES = 2**20


class Wanted(NamedTuple):
    """`module` is "" where the file does not say it; Keras looks it up as `key`."""

    module: str
    name: str
    key: str

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}" if self.module else self.key


class OwnCode(NamedTuple):
    """`objects` are by the names that Keras asks for, `failures` those of their modules' imports."""

    objects: Mapping[str, Any]
    failures: Sequence[str] = ()


def find_own_code(config: Any, folder: str) -> OwnCode:
    """Import what `config` names, and take from it what its author did not register with Keras.

    What is named without its module is searched for in the Python files of `folder`, where one is given.
    """
    failures: list[str] = []
    for module in dict.fromkeys(each.module for each in wanted(config) if each.module):
        _import(module, failures)
    objects = {}
    for each in unknown(config):
        module = each.module or _defining_module(each.name, folder)
        if not each.module and module:
            _import(module, failures)
        found = getattr(sys.modules.get(module), each.name, None)
        if found is not None:
            objects[each.key] = found
    return OwnCode(objects, failures)


def _import(module: str, failures: list[str]) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # the person's own code
        logger.info("the module %s cannot be imported", module, exc_info=True)
        is_absent = isinstance(error, ModuleNotFoundError) and module.startswith(str(error.name))
        if not is_absent:
            failures.append(f"importing {module} failed: {first_line(error).rstrip('.')}")


def _defining_module(name: str, folder: str) -> str:
    """Dotted name of the first module in the folder that defines a class or function, or ""."""
    if not folder:
        return ""
    files = sorted(Path(folder).rglob("*.py"), key=lambda file: (len(file.parts), file))
    for file in files[:_MOST_FILES]:
        try:
            if file.stat().st_size > _MOST_FILE_BYTES:
                continue
            statements = ast.parse(file.read_bytes()).body
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue
        if any(
            isinstance(s, ast.ClassDef | ast.FunctionDef) and s.name == name for s in statements
        ):
            return ".".join(file.relative_to(folder).with_suffix("").parts)
    return ""


def wanted(config: Any) -> Iterator[Wanted]:
    """Classes and functions of a nested configuration that are not part of Keras."""
    for item in dicts(config):
        module, name, registered = (
            item.get(key) for key in ("module", "class_name", "registered_name")
        )
        if not isinstance(name, str) or "config" not in item or name.startswith("__"):
            continue
        inner = item["config"]
        for activation in named_activations(item):
            if not _is_activation(activation):
                yield Wanted("", activation, activation)
        if name in _FUNCTIONS and module == "builtins":
            if isinstance(inner, str) and not _is_in_keras(inner):
                yield Wanted("", inner, inner)
            continue
        is_named = isinstance(module, str) and module != ""
        if is_named and str(module).partition(".")[0] in ("keras", "builtins"):
            continue
        if module is None and registered in (None, name) and _is_in_keras(name):
            continue
        yield Wanted(str(module) if is_named else "", name, str(registered or name))


@contextmanager
def known_by_name(objects: Mapping[str, Any]) -> Iterator[None]:
    """Let layers find activations that they name without more: Keras looks at its own alone."""
    import keras

    own = sys.modules[keras.activations.get.__module__]
    known: dict[str, Any] = getattr(own, "ALL_OBJECTS_DICT", {})
    added = {name: value for name, value in objects.items() if name not in known}
    known.update(added)
    try:
        yield
    finally:
        for name in added:
            del known[name]


def unknown(config: Any, objects: Mapping[str, Any] | None = None) -> list[Wanted]:
    """Those that are registered nowhere and not among `objects`."""
    import keras

    known = keras.saving.get_registered_object
    lost = [each for each in wanted(config) if known(each.key, custom_objects=objects) is None]
    return list(dict.fromkeys(lost))


def missing_code(
    name: str, lost: Sequence[Wanted], folder: str, failures: Sequence[str] = ()
) -> MissingCode:
    """The sentence for a file whose layers or functions were not found.

    Parameters
    ----------
    name : str
        Of the file.
    folder : str
        The source folder in which they were not found, "" if none was given.
    """
    names = list(dict.fromkeys(each.full_name for each in lost))
    shown = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    why = f"the code of {shown}{more} was not found"
    if folder:
        is_there = Path(folder).is_dir()
        why += f" in {folder}" if is_there else f": there is no folder {folder}"
    remedy = (
        "Give the folder that holds the Python files of these classes and functions as the source "
        "folder."
    )
    if failures:
        why += f" ({'; '.join(failures)})"
    return MissingCode(f"Keras cannot load {name}", why, remedy)


def lost_packages(lost: Sequence[Wanted]) -> list[str]:
    """Libraries of Keras's own project that hold some of these classes, as one installs them."""
    roots = dict.fromkeys(each.module.partition(".")[0] for each in lost)
    return [root.replace("_", "-") for root in roots if root in _LIBRARIES and not find_spec(root)]


def lacking_in_keras(config: Any) -> list[str]:
    """Classes that a configuration takes from Keras and that this version does not have."""
    lacking: dict[str, None] = {}
    for item in dicts(config):
        module, name = item.get("module"), item.get("class_name")
        if not isinstance(module, str) or not isinstance(name, str) or "config" not in item:
            continue
        if module.partition(".")[0] == "keras" and not _holds(module, name):
            lacking[f"{module}.{name}"] = None
    return list(lacking)


def _holds(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def dicts(config: Any) -> Iterator[dict[str, Any]]:
    """Every dict within a nested config, itself included."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _is_activation(name: str) -> bool:
    """Keras looks some up by names that its public module does not have."""
    import keras

    try:
        return keras.activations.get(name) is not None
    except ValueError:
        return False


def _is_in_keras(name: str) -> bool:
    import keras

    places = (keras, *(getattr(keras, each) for each in _OF_KERAS))
    return name in _UNNAMED_CLASSES or any(hasattr(place, name) for place in places)
