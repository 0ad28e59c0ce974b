"""Names on slices that have little room."""

from PySide6.QtGui import QFont, QFontMetricsF
from pytestqt.qtbot import QtBot

from views.timeline.slice_labels import SliceLabels

SCOPE = "StatefulPartitionedCall/mobile_1/"
NAMES = (f"{SCOPE}stem/Conv2D:Conv2D", "ExecutorState::Process")


def shown(labels: SliceLabels, name: int, width: float) -> str:
    fitted = labels.fitted(name, width)
    return fitted.text() if fitted else ""


def test_a_name_without_room_leaves_out_what_all_names_begin_with(qtbot: QtBot) -> None:
    font = QFont()
    labels = SliceLabels(NAMES, font, SCOPE)
    width = QFontMetricsF(font).horizontalAdvance
    assert shown(labels, 0, width(NAMES[0]) + 1) == NAMES[0]
    assert shown(labels, 0, width("…stem/Conv2D:Conv2D") + 1) == "…stem/Conv2D:Conv2D"
    assert shown(labels, 0, width("…stem/Co…") + 1).startswith("…stem/")
    assert shown(labels, 1, width(NAMES[1]) + 1) == NAMES[1]
    assert shown(labels, 1, width(NAMES[1]) / 2).startswith("Exec")
    assert shown(SliceLabels(NAMES, font), 0, width(NAMES[0]) / 2).startswith("StatefulPart")
