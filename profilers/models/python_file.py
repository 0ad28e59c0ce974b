"""Python files that make PyTorch modules: what they offer is read, none of it is executed."""

import re
from pathlib import Path

from profilers.errors import DamagedFile
from profilers.models.model_file import Danger, ModelFile
from profilers.models.python_source import EXAMPLES, FACTORY, PythonSource, read_python
from profilers.models.torch_modes import MODULE_MODES
from profilers.probe import Probe
from profilers.profile import Diagnostic, Environment, Profile, Severity

LARGEST_BYTES = 4 << 20
_CODE = re.compile(rb"^(import \w|from [\w.]+ import |def \w+\(|class \w+[(:]|@\w)", re.MULTILINE)
_OTHER_FRAMEWORKS = ("tensorflow", "keras", "jax", "flax")


def matches(probe: Probe) -> bool:
    """Text with Python's imports or definitions at the beginning of lines."""
    if probe.is_folder or b"\0" in probe.head or not probe.head:
        return False
    return probe.path.suffix == ".py" or (_CODE.search(probe.head) is not None and _parses(probe))


def _parses(probe: Probe) -> bool:
    """Whether a file under another name is Python from its first line to its last."""
    try:
        read_python(probe.head.decode("utf-8-sig"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return probe.size <= len(probe.head)


def inspect(path: Path) -> ModelFile:
    """The functions and classes that make a model, as entry points to choose from.

    Raises
    ------
    DamagedFile
        If the file is no Python.
    """
    source = _read(path)
    names = tuple(entry.name for entry in source.entries)
    imported = {name.partition(".")[0] for name in source.imports}
    reason = _cannot_run(source, imported)
    return ModelFile(
        path=path,
        kind="torch-python",
        title="Python file with a model" if names else "Python file",
        framework="torch",
        modes=() if reason else MODULE_MODES,
        dangers=tuple(_dangers(path, source)),
        preview=Profile(
            path.name,
            diagnostics=tuple(_offers(source)),
            environment=Environment(framework="torch", model_name=path.name),
        ),
        cannot_run=reason,
        signatures=names,
        entries_are="maker",
    )


def _read(path: Path) -> PythonSource:
    if path.stat().st_size > LARGEST_BYTES:
        raise DamagedFile(f"Cannot read {path.name}", "it is larger than any Python source")
    try:
        return read_python(path.read_text(encoding="utf-8-sig"))
    except SyntaxError as error:
        raise DamagedFile(
            f"Cannot read {path.name}", f"line {error.lineno} is no Python: {error.msg}"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise DamagedFile(f"Cannot read {path.name}", f"it is no Python text ({error})") from error


def _cannot_run(source: PythonSource, imported: set[str]) -> str:
    if not source.entries:
        return (
            "The file has no function and no nn.Module class that makes a model without arguments. "
            f"Add a function {FACTORY}() that returns the module."
        )
    others = [name for name in _OTHER_FRAMEWORKS if name in imported]
    if others and "torch" not in imported:
        return (
            f"The file uses {others[0]}; only Python files that make PyTorch modules can be run. "
            "Save the model to a file, and open that."
        )
    return ""


def _dangers(path: Path, source: PythonSource) -> list[Danger]:
    """Running the file runs all of it, and what lies beside it where it imports that."""
    found = [Danger("the whole file", f"{path.name}, as Python runs it")]
    for name, line in source.imports.items():
        first = name.lstrip(".").partition(".")[0]
        beside = path.parent / f"{first}.py", path.parent / first / "__init__.py"
        if first and any(each.is_file() for each in beside):
            found.append(Danger(f"import {name}", f"line {line}: code beside it, not remembered"))
    return found


def _offers(source: PythonSource) -> list[Diagnostic]:
    """A sentence for each entry point."""
    found = [
        Diagnostic(
            Severity.INFO,
            f"{entry.name}() {'is a module class' if entry.is_class else 'makes a model'} "
            f"(line {entry.line})" + (f": {entry.summary}" if entry.summary else "."),
        )
        for entry in source.entries
    ]
    if source.has_examples:
        found.append(Diagnostic(Severity.INFO, f"{EXAMPLES}() gives the inputs to run it with."))
    return found
