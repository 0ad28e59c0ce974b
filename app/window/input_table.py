"""The inputs of a model as rows that can be edited."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from profilers.errors import TwinscopeError
from profilers.request import InputSpec

_DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int8", "uint8", "bool", "string",
)  # fmt: skip
_NAME, _DTYPE, _SHAPE, _LOW, _HIGH = range(5)


class InputTable(QTableWidget):
    """A row per input: name, dtype, shape and the range of random values."""

    def __init__(self, specs: Sequence[InputSpec], parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setHorizontalHeaderLabels(
            [self.tr("Name"), self.tr("Type"), self.tr("Shape"), self.tr("From"), self.tr("Below")]
        )
        self.setAccessibleName(self.tr("Model inputs"))
        self.verticalHeader().hide()
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.horizontalHeader().setSectionResizeMode(_SHAPE, QHeaderView.ResizeMode.Stretch)
        self.show_specs(specs)

    def show_specs(self, specs: Sequence[InputSpec]) -> None:
        self.setRowCount(len(specs))
        for row, spec in enumerate(specs):
            self._fill_row(row, spec)

    def add_guess(self) -> None:
        """One more input for a model whose file does not say how many it takes."""
        row = self.rowCount()
        self.insertRow(row)
        self._fill_row(row, InputSpec(f"input{row + 1}", "float32", (1,), guessed=True))

    def specs(self) -> tuple[InputSpec, ...]:
        """What the rows say now.

        Raises
        ------
        TwinscopeError
            If a shape or a range is none.
        """
        return tuple(self._spec(row) for row in range(self.rowCount()))

    def _spec(self, row: int) -> InputSpec:
        name, dtype, shape, low, high = (self._cell(row, column) for column in range(5))
        sizes = [part.strip() for part in shape.replace("×", ",").split(",") if part.strip()]
        if not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise TwinscopeError(
                self.tr("The shape of {} is {}").format(name, repr(shape)),
                "",
                self.tr("Write sizes such as 1,3,224,224."),
            )
        try:
            bounds = [float(text) if text else None for text in (low, high)]
        except ValueError:
            raise TwinscopeError(
                self.tr("The range of {} is no pair of numbers").format(name),
                "",
                self.tr("Leave both empty or give numbers."),
            ) from None
        return InputSpec(name, dtype, tuple(map(int, sizes)), bounds[0], bounds[1])

    def _cell(self, row: int, column: int) -> str:
        widget = self.cellWidget(row, column)
        if isinstance(widget, QComboBox):
            return widget.currentText()
        item = self.item(row, column)
        return item.text().strip() if item else ""

    def _fill_row(self, row: int, spec: InputSpec) -> None:
        name = QTableWidgetItem(spec.name)
        if spec.guessed:
            name.setToolTip(self.tr("Guessed: the file does not say. Please check."))
        else:
            name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
        self.setItem(row, _NAME, name)
        dtype = QComboBox()
        dtype.addItems([*_DTYPES, *({spec.dtype} - set(_DTYPES))])
        dtype.setCurrentText(spec.dtype)
        dtype.setAccessibleName(self.tr("Type of {}").format(spec.name))
        self.setCellWidget(row, _DTYPE, dtype)
        self.setItem(row, _SHAPE, QTableWidgetItem(",".join(map(str, spec.shape))))
        for column, bound in ((_LOW, spec.low), (_HIGH, spec.high)):
            self.setItem(row, column, QTableWidgetItem("" if bound is None else f"{bound:g}"))
