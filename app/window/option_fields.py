"""Fields for the settings that only the chosen run mode has."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from profilers.runtimes.mode_options import ModeOption


class OptionFields(QWidget):
    """A list to choose from per option with choices, a line of text for any other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._fields: dict[str, QComboBox | QLineEdit] = {}
        self._label_width = 0

    def show_options(self, options: Sequence[ModeOption], values: Mapping[str, Any]) -> None:
        """Fields for `options`, with `values` where they have some; other fields go."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self._fields = {}
        for option in options:
            field = _field(option, str(values.get(option.id, option.default)))
            field.setAccessibleName(option.title)
            field.setToolTip(option.help)
            label = QLabel(option.title)
            label.setMinimumWidth(self._label_width)
            self._form.addRow(label, field)
            self._fields[option.id] = field
        self.setVisible(bool(options))

    def follow_in_tab_order(self, before: QWidget) -> None:
        """Tab comes from `before` to the fields: made late, they would be the last of all."""
        for field in self._fields.values():
            QWidget.setTabOrder(before, field)
            before = field

    def align_with(self, form: QFormLayout) -> None:
        """Fields begin where those of `form` do."""
        labels = (
            form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(form.rowCount())
        )
        self._label_width = max((each.sizeHint().width() for each in labels if each), default=0)

    def values(self) -> dict[str, str]:
        """What is chosen now, by option id."""
        return {
            name: field.currentText() if isinstance(field, QComboBox) else field.text().strip()
            for name, field in self._fields.items()
        }

    def field(self, option_id: str) -> QComboBox | QLineEdit:
        return self._fields[option_id]


def _field(option: ModeOption, value: str) -> QComboBox | QLineEdit:
    if not option.choices:
        return QLineEdit(value)
    field = QComboBox()
    field.addItems(option.choices)
    field.setCurrentText(value)
    return field
