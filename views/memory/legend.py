"""What the colours and lines of the memory chart stand for; a click leaves one out or shows it."""

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from views.link_label import LinkLabel
from views.plain_tooltip import plain_tooltip
from views.theme import Theme

_LONGEST_NAME = 20  # characters
_WORD_JOINER = "\u2060"  # no line breaks beside it


@dataclass(frozen=True)
class LegendEntry:
    """`part` names it among what can be left out; `text` is what is read beside the sign."""

    part: str
    sign: str
    colour: str
    text: str


class MemoryLegend(LinkLabel):
    """Entries in as many lines as they need; those that are left out are struck through."""

    toggled = Signal(str)  # the part

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: Sequence[LegendEntry] = ()
        self.setWordWrap(True)
        self.setAccessibleName(self.tr("Legend: what the memory is split into"))
        self.linkActivated.connect(lambda link: self.toggled.emit(self._entries[int(link)].part))

    def show_entries(self, entries: Sequence[LegendEntry], hidden: Collection[str]) -> None:
        self._entries = tuple(entries)
        self.setText(
            " &nbsp; ".join(
                self._link(at, entry, entry.part in hidden) for at, entry in enumerate(entries)
            )
        )
        names = "\n".join(entry.part for entry in entries)
        self.setToolTip(plain_tooltip(self.tr("Click to leave out or to show:") + "\n" + names))

    def _link(self, at: int, entry: LegendEntry, is_hidden: bool) -> str:
        colour = self._theme.muted.name() if is_hidden else self._theme.text.name()
        sign = "□" if is_hidden else entry.sign
        decoration = "line-through" if is_hidden else "none"
        return (
            f'<a href="{at}" style="color:{colour}; text-decoration:{decoration}">'
            f'<span style="color:{entry.colour}; text-decoration:none">{sign}</span>&nbsp;'
            f"{_unbroken(shortened(entry.text))}</a>"
        )


def shortened(name: str) -> str:
    """The end of a long name, so that two lines hold a dozen."""
    if len(name) <= _LONGEST_NAME or " " in name:
        return name
    return f"…{_WORD_JOINER}{name[-_LONGEST_NAME:].lstrip()}"


def _unbroken(text: str) -> str:
    """As rich text that stays on one line."""
    return html.escape(text).replace(" ", "&nbsp;")
