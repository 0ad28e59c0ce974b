"""PyTorch's errors as sentences a person can act on."""

import re
from collections.abc import Iterator
from pathlib import Path

from profilers.errors import CaptureFailed, TwinscopeError, telling_lines

_INTERPRETER_FAILED = "The following operation failed in the TorchScript interpreter"
_OBJECT = re.compile(
    r"<OpOverload\(op='(?P<operator>[\w.]+)', overload='\w+'\)>|<(?:\w+\.)*(?P<kind>\w+) object at 0x\w+>"
)
_UNREGISTERED = (
    re.compile(r"Unknown builtin op: (?P<space>\w+)::(?P<name>\w+)"),
    re.compile(r"'_OpNamespace' '(?P<space>\w+)' object has no attribute '(?P<name>\w+)'"),
    re.compile(r"torch\.ops\.(?P<space>\w+)\.(?P<name>\w+)\S* (?:is not|was not|not) (?:found|registered)"),
    re.compile(r"Could(?:n't| not) find (?:schema|operator|an operator) (?:for )?(?P<space>\w+)::(?P<name>\w+)"),
    re.compile(r"We failed to resolve .*?torch\.ops\.(?P<space>\w+)\.(?P<name>\w+)"),
)  # fmt: skip

_ANNOUNCE = (" raised:", "Got graph break/error:")  # what it was stands below


def first_line(error: BaseException) -> str:
    """The telling line of an exception's text, for a sentence."""
    lines = [_OBJECT.sub(r"\g<operator>\g<kind>", line) for line in telling_lines(error)]
    if not lines:
        return type(error).__name__
    if lines[0].startswith(_INTERPRETER_FAILED):  # the reason stands below the interpreter's stack
        return lines[-1].removeprefix("RuntimeError: ").rstrip(".")
    if lines[0].endswith(_ANNOUNCE) and len(lines) > 1:
        return lines[1].rstrip(".")
    return lines[0].rstrip(".")


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it was raised from or while handling, the latest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def unregistered_operator(error: BaseException) -> str:
    """``space::name`` of the custom operator that nobody registered, "" if that is not the error."""
    for each in chain_of(error):
        for pattern in _UNREGISTERED:
            found = pattern.search(str(each))
            if found:
                return f"{found['space']}::{found['name']}"
    return ""


def root_cause(error: BaseException) -> BaseException:
    """What began it: converters wrap an error in one that only says which of their steps it was."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def load_failure(
    error: BaseException, path: Path, remedy: str, operator: str = ""
) -> TwinscopeError:
    """A file that PyTorch cannot load.

    Parameters
    ----------
    remedy : str
        For errors that nothing better is known of.
    operator : str
        ``space::name`` of a custom operator that is known to be missing.
    """
    operator = operator or unregistered_operator(error)
    if operator:
        return TwinscopeError(
            f"PyTorch cannot load {path.name}",
            lacks_registration(operator),
            needs_registration(operator),
        )
    return TwinscopeError(f"PyTorch cannot load {path.name}", first_line(error), remedy)


def conversion_failure(what: str, error: BaseException, remedy: str) -> CaptureFailed:
    """A model that one of PyTorch's own converters does not take; `remedy` as in `load_failure`."""
    operator = unregistered_operator(error)
    if operator:
        return CaptureFailed(what, lacks_registration(operator), needs_registration(operator))
    return CaptureFailed(what, f"{type(error).__name__}: {first_line(error)}", remedy)


def lacks_registration(operator: str) -> str:
    return f"it uses the custom operator {operator}, which nothing has registered"


def needs_registration(operator: str) -> str:
    """What to do about a custom operator that is not there."""
    return (
        "Name the Python module, Python file or library that registers "
        f"{operator} in the setting “Import first” (--option imports=...)."
    )
