"""Names on slices that have little room."""

from PySide6.QtGui import QFont, QFontMetricsF
from pytestqt.qtbot import QtBot

from views.timeline.slice_labels import SliceLabels

SCOPE = "StatefulPartitionedCall/mobile_1/"
NAMES = (
    f"{SCOPE}stem/Conv2D:Conv2D",
    "ExecutorState::Process",
    "torch/nn/modules/linear.py(134): forward",
    "blocks.attention.query",
    "I/O of weights",
)


def shown(labels: SliceLabels, name: int, width: float) -> str:
    fitted = labels.fitted(name, width)
    return fitted.text() if fitted else ""


def test_a_name_without_room_leaves_out_its_path_before_it_is_cut(qtbot: QtBot) -> None:
    font = QFont()
    labels = SliceLabels(NAMES, font)
    width = QFontMetricsF(font).horizontalAdvance
    assert shown(labels, 0, width(NAMES[0]) + 1) == NAMES[0]
    assert shown(labels, 0, width("…stem/Conv2D:Conv2D") + 1) == "…stem/Conv2D:Conv2D"
    whole = "…Conv2D:Conv2D"
    assert shown(labels, 0, width(whole) + 1) == whole
    assert shown(labels, 0, width("Conv2D:…") + 1) == "Conv2D:…"
    assert shown(labels, 0, 1) == ""
    assert shown(labels, 2, width("…linear.py(134): forward") + 4) == "…linear.py(134): forward"
    assert shown(labels, 1, width(NAMES[1]) + 1) == NAMES[1]
    assert shown(labels, 1, width(NAMES[1]) / 2).startswith("Exec")
    assert shown(labels, 4, width(NAMES[4]) - 1).startswith("I/O of")


def test_a_name_without_a_path_leaves_out_what_all_names_begin_with(qtbot: QtBot) -> None:
    font = QFont()
    width = QFontMetricsF(font).horizontalAdvance
    scoped = SliceLabels(NAMES, font, "blocks.attention.")
    assert shown(scoped, 3, width("…query") + 1) == "…query"
    assert shown(SliceLabels(NAMES, font), 3, width("…query") + 1).startswith("blo")


def test_a_very_long_path_keeps_its_end(qtbot: QtBot) -> None:
    labels = SliceLabels(("part/" * 80 + "MatMul",), QFont())
    assert shown(labels, 0, 10_000).endswith("/MatMul")
