"""The order in which Tab goes through the window."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def put_in_order(window: QWidget, groups: Sequence[QWidget]) -> None:
    """Let Tab go through these groups one after another, and through each as before.

    Widgets come into the chain as they are made, and views are made late and in any order.
    """
    place = {group: at for at, group in enumerate(groups)}
    found = [
        (at, widget)
        for widget in _chain(window)
        if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        and (at := _place_of(widget, place)) is not None
    ]
    found.sort(key=lambda each: each[0])
    for (_, before), (_, after) in pairwise(found):
        QWidget.setTabOrder(before, after)


def _chain(window: QWidget) -> Iterator[QWidget]:
    widget = window.nextInFocusChain()
    while widget is not None and widget is not window:
        yield widget
        widget = widget.nextInFocusChain()


def _place_of(widget: QWidget, place: dict[QWidget, int]) -> int | None:
    around: QWidget | None = widget
    while around is not None:
        if around in place:
            return place[around]
        around = around.parentWidget()
    return None
