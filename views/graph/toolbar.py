"""What the graph shows and how: stage, colour, size, and buttons."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from profilers.profile import Profile
from views.graph.stage_title import stage_title
from views.one_stop import OneStop

_LEAST_FOR_FINDING, _LEAST_CHOICE = 90, 56  # pixels, where there is little room


class Toolbar(QWidget):
    """`colour_by` and `size_by` hold the ids of measures; `stage` the number of a graph."""

    fold_all = Signal()
    unfold_all = Signal()
    fit = Signal()

    def __init__(self, profile: Profile, find: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        stages = [(stage_title(graph.stage), number) for number, graph in enumerate(profile.graphs)]
        self.stage = _choices(self.tr("Stage of the graph"), stages)
        self.stage.setVisible(self.stage.count() > 1)
        self.colour_by = _choices(
            self.tr("Colour by"),
            (
                (self.tr("Colour: kind"), "family"),
                (self.tr("Colour: self time"), "time"),
                (self.tr("Colour: total time"), "total"),
                (self.tr("Colour: peak memory"), "memory"),
                (self.tr("Colour: FLOPs"), "flops"),
                (self.tr("Colour: parameters"), "parameters"),
                (self.tr("Colour: dtype"), "dtype"),
                (self.tr("Colour: device"), "device"),
                (self.tr("Colour: fused kernel"), "fusion"),
            ),
        )
        self.size_by = _choices(
            self.tr("Size by"),
            (
                (self.tr("Size: equal"), ""),
                (self.tr("Size: self time"), "time"),
                (self.tr("Size: total time"), "total"),
                (self.tr("Size: peak memory"), "memory"),
                (self.tr("Size: FLOPs"), "flops"),
                (self.tr("Size: parameters"), "parameters"),
            ),
        )
        self.flat = QToolButton()
        self.flat.setText(self.tr("Flat"))
        self.flat.setToolTip(self.tr("Show all nodes without the scopes around them"))
        self.flat.setCheckable(True)
        self.flat.setAutoRaise(True)
        self._lay_out(find)

    def _lay_out(self, find: QWidget) -> None:
        bar = QHBoxLayout(self)
        bar.setContentsMargins(4, 2, 4, 0)
        for widget in (self.stage, self.colour_by, self.size_by):
            bar.addWidget(widget)
        find.setMinimumWidth(_LEAST_FOR_FINDING)
        bar.addWidget(find, 1)
        bar.addWidget(self.flat)
        parts: list[QWidget] = [self.stage, self.colour_by, self.size_by, self.flat]
        for text, name, signal in (
            ("−", self.tr("Fold all"), self.fold_all),
            ("+", self.tr("Unfold all"), self.unfold_all),
            ("⤢", self.tr("Fit"), self.fit),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.setAutoRaise(True)
            button.clicked.connect(signal)
            bar.addWidget(button)
            parts.append(button)
        OneStop(parts, self)


def _choices(name: str, entries: Sequence[tuple[str, object]]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(11)
    box.setMinimumWidth(_LEAST_CHOICE)
    for title, data in entries:
        box.addItem(title, data)
    return box
