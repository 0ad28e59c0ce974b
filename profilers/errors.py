"""Errors that a person can cause or mend: each says what happened, why, and what to do."""

import re
from itertools import takewhile

_DECORATION = re.compile(r"\x1b\[[\d;]*m|\{\{function_node [^}]*\}\}\s*|\s*\[Op:\w+\]")
_NODE = re.compile(r"for '\{\{node (?P<name>[^}]+)\}\} = [^']*'")
_WRAPPERS = ("Exception encountered when calling ", "Graph execution error:")
EXPORT_ADVICE = "The error above occurred when calling torch.export"  # added to others' words
_AFTERWORDS = ("Arguments received by ", EXPORT_ADVICE)
_CALLED = re.compile(r"Exception encountered when calling (?P<name>[\w.]+\(\))")


class TwinscopeError(Exception):
    """A failure told in one sentence.

    Parameters
    ----------
    what : str
        What could not be done ("Cannot open model.pt").
    why : str
        The reason, as far as it is known.
    remedy : str
        What the person can do about it.
    detail : str
        Long text shown on demand (a traceback, the worker's last log lines).

    Attributes
    ----------
    option : str
        With what the remedy is given on the command line, which alone tells of it.
    """

    option = ""

    def __init__(self, what: str, why: str = "", remedy: str = "", detail: str = "") -> None:
        super().__init__(what, why, remedy, detail)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        sentence = f"{self.what}: {self.why}" if self.why else self.what
        return f"{sentence.rstrip('.')}. {self.remedy}".strip() if self.remedy else sentence


class UnrecognisedFile(TwinscopeError):
    """The content is none of the formats that Twinscope opens."""


class DamagedFile(TwinscopeError):
    """The format was recognised, but the content is cut, inconsistent or too large."""

    @classmethod
    def because(
        cls,
        what: str,
        error: Exception,
        why: str = "",
        remedy: str = "Copy or save the file again.",
    ) -> "DamagedFile":
        """Told in our words: `why`, else those of `error`; a library's own words are details."""
        library = error if why else error.__cause__
        detail = f"{type(library).__name__}: {library}" if library is not None else ""
        return cls(what, why or str(error), remedy, detail)


class TrustRequired(TwinscopeError):
    """Loading the file can execute code and nobody has agreed to that yet."""

    option = "--trust"


class MissingCode(TwinscopeError):
    """The model needs Python code that was not found; a source folder may bring it."""

    option = "--source-folder"


class CodeNeeded(TwinscopeError):
    """The file holds weights alone, and nobody has said what makes the model that uses them."""

    option = "--code"


class ModeUnavailable(TwinscopeError):
    """The run mode needs something that this machine or environment lacks."""


class CaptureFailed(TwinscopeError):
    """The worker could not finish a capture: the model raised, crashed, hung or ran out of memory."""


class Cancelled(TwinscopeError):
    """The person stopped the work."""


def first_line(error: BaseException) -> str:
    """The first line of an exception's text that tells something, for a sentence."""
    lines = telling_lines(error)
    return lines[0] if lines else type(error).__name__


def telling_lines(error: BaseException) -> list[str]:
    """An exception's text without what Keras, TensorFlow and PyTorch say around the cause, and its colours.

    An exception without a text, such as that of an assertion, is told by its type and place.
    """
    text = _NODE.sub(r"in \g<name>", _DECORATION.sub("", str(error)))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = list(takewhile(lambda line: not line.startswith(_AFTERWORDS), lines))
    told = [line for line in own if not line.startswith(_WRAPPERS)]
    if told:
        return told
    called = _CALLED.search(text)
    return [f"{type(error).__name__} in {called['name']}"] if called else own
