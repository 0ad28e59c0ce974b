"""Settings of single run modes: declared beside the mode, kept in ``RunRequest.options``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profilers.errors import TwinscopeError


@dataclass(frozen=True)
class Need:
    """That another option of the mode, by id, is set to one of `values`."""

    option: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class ModeOption:
    """One setting of a mode, which the run dialog, the command line and a matrix offer alike.

    Parameters
    ----------
    id : str
        Its key in ``RunRequest.options``.
    title : str
        For people.
    choices : tuple of str
        What it may be; empty where any text is good.
    default : str
    help : str
        One sentence on what it changes.
    is_compared : bool
        Whether a matrix of modes has a row for each choice, or the default alone.
    need : Need, optional
        Without which it changes nothing. A mode without that other option always meets it.
    """

    id: str
    title: str
    choices: tuple[str, ...]
    default: str
    help: str = ""
    is_compared: bool = False
    need: Need | None = None

    def unmet(
        self, declared: Sequence["ModeOption"], values: Mapping[str, Any]
    ) -> tuple["ModeOption", tuple[str, ...]] | None:
        """The other option that keeps this one from a meaning, and what it would have to be.

        `declared` are all options of the mode, `values` what is chosen by id; defaults stand for
        those that are absent. None where this option counts.
        """
        need = self.need
        other = next((each for each in declared if need and each.id == need.option), None)
        if need is None or other is None or str(values.get(other.id, other.default)) in need.values:
            return None
        return other, need.values


ACTIVATIONS = ModeOption(
    "activations",
    "Activations",
    ("off", "on"),
    "off",
    "Keeps a digest of every layer's output, made in a pass of its own that is not timed, so that "
    "two runs can be compared number by number.",
)


def settled(
    declared: Sequence[ModeOption], given: Mapping[str, Any], mode_title: str
) -> dict[str, Any]:
    """The given options with defaults in place of those that are absent.

    Raises
    ------
    TwinscopeError
        If a value is none of an option's choices. Options that the mode does not declare stay as
        they are: they are settings of the runtime itself.
    """
    values = {option.id: option.default for option in declared} | dict(given)
    for option in declared:
        if option.choices and str(values[option.id]) not in option.choices:
            raise TwinscopeError(
                f"{mode_title} has no {option.title.lower()} {str(values[option.id])!r}",
                f"it has {', '.join(option.choices)}",
                "Choose one of these.",
            )
    return values


def parse_option(text: str, declared: Sequence[ModeOption], mode_title: str) -> tuple[str, str]:
    """Read ``NAME=VALUE`` as the command line gives it.

    Raises
    ------
    TwinscopeError
        If the text has another form or the mode has no such option.
    """
    name, is_assignment, value = text.partition("=")
    known = ", ".join(option.id for option in declared) or "none"
    if not is_assignment or name not in {option.id for option in declared}:
        raise TwinscopeError(
            f"Cannot read the option {text!r}",
            f"an option is NAME=VALUE, and {mode_title} has these: {known}",
            "See them with: twinscope modes.",
        )
    return name, value
