"""Fields for the settings that only the chosen run mode has, and of them those that count."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from profilers.runtimes.mode_options import ModeOption
from views.plain_tooltip import plain_tooltip


class OptionFields(QWidget):
    """A list to choose from per option with choices, a line of text for any other.

    Those that another option's choice leaves without a meaning cannot be changed and say why.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._options: tuple[ModeOption, ...] = ()
        self._fields: dict[str, QComboBox | QLineEdit] = {}
        self._label_width = 0

    def show_options(self, options: Sequence[ModeOption], values: Mapping[str, Any]) -> None:
        """Fields for `options`, with `values` where they have some; other fields go."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self._options, self._fields = tuple(options), {}
        for option in options:
            field = _field(option, str(values.get(option.id, option.default)))
            field.setAccessibleName(option.title)
            label = QLabel(option.title)
            label.setMinimumWidth(self._label_width)
            self._form.addRow(label, field)
            self._fields[option.id] = field
            if isinstance(field, QComboBox):
                field.currentIndexChanged.connect(self._enable)
        self._enable()
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
        """What is chosen now, by option id; the default where the choice has no meaning."""
        chosen = self._chosen()
        return {
            option.id: option.default if option.unmet(self._options, chosen) else chosen[option.id]
            for option in self._options
        }

    def _chosen(self) -> dict[str, str]:
        """What the fields say, by option id."""
        return {
            name: field.currentText() if isinstance(field, QComboBox) else field.text().strip()
            for name, field in self._fields.items()
        }

    def _enable(self) -> None:
        """Only what counts beside the other choices."""
        chosen = self._chosen()
        for option in self._options:
            field = self._fields[option.id]
            label = self._form.labelForField(field)
            unmet = option.unmet(self._options, chosen)
            tooltip = option.help
            if unmet:
                other, values = unmet
                why = self.tr("Changes nothing unless {} is {}.")
                tooltip = f"{why.format(other.title, ', '.join(values))} {option.help}".strip()
            for part in (label, field):
                part.setEnabled(unmet is None)
                part.setToolTip(plain_tooltip(tooltip))

    def field(self, option_id: str) -> QComboBox | QLineEdit:
        return self._fields[option_id]


def _field(option: ModeOption, value: str) -> QComboBox | QLineEdit:
    if not option.choices:
        return QLineEdit(value)
    field = QComboBox()
    field.addItems(option.choices)
    field.setCurrentText(value)
    return field
