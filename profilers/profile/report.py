"""Tables that another tool computed from the same capture, kept with the profile."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One table of another tool.

    Parameters
    ----------
    title : str
        What the tool calls it ("Roofline").
    source : str
        The tool and its version ("xprof 2.24.2").
    facts : mapping of str to str
        Single figures beside the table.
    columns : tuple of str
    rows : tuple of tuple of str
        Cells in the order of the columns; numbers as the tool gives them, in plain digits.
    """

    title: str
    source: str
    facts: Mapping[str, str]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
