"""Where Tab goes: through a window as the eye reads, line by line in each of its parts."""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def stop_after(area: QWidget, here: QWidget | None, is_forward: bool) -> QWidget | None:
    """The next stop behind `here`, or before it; behind the last comes the first.

    Found anew at every press: views are made late, in any order, and change what they show.
    """
    walked = list(_as_read(area))
    if not is_forward:
        walked.reverse()
    at = next((at for at, widget in enumerate(walked) if widget is here), -1)
    behind = (*walked[at + 1 :], *walked[: max(at, 0)])
    return next((widget for widget in behind if _is_stop(widget)), None)


def _as_read(area: QWidget) -> Iterator[QWidget]:
    """An area and all that is seen within it."""
    yield area
    parts = [each for each in area.children() if isinstance(each, QWidget)]
    for line in _lines([each for each in parts if each.isVisible() and not each.isWindow()]):
        for part in line:
            yield from _as_read(part)


def _lines(parts: Sequence[QWidget]) -> list[list[QWidget]]:
    """What begins above the middle of the first one of a line stands in that line."""
    lines: list[list[QWidget]] = []
    for part in sorted(parts, key=QWidget.y):
        if lines and part.y() < lines[-1][0].geometry().center().y():
            lines[-1].append(part)
        else:
            lines.append([part])
    for line in lines:
        line.sort(key=QWidget.x)
    return lines


def _is_stop(widget: QWidget) -> bool:
    takes_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return takes_tab and widget.isEnabled() and widget.focusProxy() is None
