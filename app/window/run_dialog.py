"""How to run a model: mode, inputs, steps."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.capturing import request_for
from app.window.code_field import CodeField
from app.window.option_fields import OptionFields
from profilers.devices import devices
from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.models import ModelFile
from profilers.request import InputSpec, RunRequest, with_sizes
from profilers.runtimes import RUN_MODES, mode_named
from profilers.sweeps import parse_sweep, sweep_text
from profilers.visible_text import visible
from views.plain_label import PlainLabel

_DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int8", "uint8", "bool", "string",
)  # fmt: skip


class RunDialog(QDialog):
    """Pre-filled with what the file tells or lets guess; `request` is valid after acceptance."""

    def __init__(
        self, model: ModelFile, last: RunRequest | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        start = last or request_for(model)
        self.request = start
        self.setWindowTitle(self.tr("Run {}").format(visible(model.path.name)))
        self.resize(680, 520)
        self.mode = QComboBox()
        for mode in RUN_MODES:
            if mode.id in model.modes:
                self.mode.addItem(mode.title, mode.id)
        self.mode.setCurrentIndex(max(self.mode.findData(start.mode), 0))
        self.mode.currentIndexChanged.connect(self._check)
        self.mode.currentIndexChanged.connect(self._show_options)
        self.signature = QComboBox()
        self.signature.addItems(model.signatures)
        if start.signature:
            self.signature.setCurrentText(start.signature)
        self.signature.currentTextChanged.connect(self._show_inputs_of)
        self.inputs = self._input_table(start.inputs)
        self.inputs_file = QLineEdit(start.inputs_file)
        self.inputs_file.setPlaceholderText(self.tr("random values within dtype and range"))
        self.source_folder = QLineEdit(start.source_folder)
        self.source_folder.setPlaceholderText(self.tr("where the model's own classes live"))
        self.sweep = QLineEdit(sweep_text(start.sweep))
        self.sweep.setPlaceholderText(self.tr("none; for example batch=1,2,4,8; sequence=16,32"))
        self.sweep.setToolTip(
            self.tr("Sizes that are measured as well, without the profiler, after the capture.")
        )
        self.code = CodeField(start.code, self)
        self.steps = _spin(start.steps, 1, 100_000)
        self.warmup = _spin(start.warmup, 0, 100_000)
        self.threads = _spin(start.threads, 0, 1024)
        self.threads.setSpecialValueText(self.tr("the framework's own"))
        self.device = QComboBox()
        self.device.setEditable(True)
        for row, device in enumerate(devices()):
            self.device.addItem(device.id)
            self.device.setItemData(row, device.name, Qt.ItemDataRole.ToolTipRole)
        self.device.setCurrentText(start.device)
        self.device.currentTextChanged.connect(self._check)
        self.limit = _spin(round(start.limit_s), 1, 1_000_000)
        self.limit.setSuffix(" s")
        self._problem = PlainLabel()
        self._problem.setObjectName("problem")
        self._problem.setWordWrap(True)

        self.options = OptionFields(self)
        form = QFormLayout()
        form.addRow(self.tr("Mode"), self.mode)
        form.addRow(self.options)
        if model.signatures:
            titles = {"maker": self.tr("Made by"), "function": self.tr("Function")}
            title = titles.get(model.entries_are, self.tr("Signature"))
            form.addRow(title, self.signature)
        if model.needs_code:
            form.addRow(self.tr("Code of the model"), self.code)
        self.code.setVisible(model.needs_code)
        form.addRow(self.tr("Inputs"), self.inputs)
        if not model.inputs or any(spec.guessed for spec in model.inputs):
            more = QPushButton(self.tr("Add an input"))
            more.clicked.connect(self.add_input)
            form.addRow("", more)
        form.addRow(self.tr("Inputs from file"), self._with_browse(self.inputs_file, "*.npz"))
        if model.needs_trust:
            form.addRow(self.tr("Source folder"), self._with_browse(self.source_folder, ""))
        form.addRow(self.tr("Other sizes"), self.sweep)
        form.addRow(self.tr("Steps"), self.steps)
        form.addRow(self.tr("Warm-up steps"), self.warmup)
        form.addRow(self.tr("Device"), self.device)
        form.addRow(self.tr("Threads"), self.threads)
        form.addRow(self.tr("End after no progress for"), self.limit)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._run = self.buttons.addButton(self.tr("Run"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(PlainLabel(model.title))
        layout.addLayout(form)
        layout.addWidget(self._problem)
        layout.addWidget(self.buttons)
        self.options.align_with(form)
        self._show_options()
        self._check()

    def _show_options(self) -> None:
        mode = mode_named(self.mode.currentData() or "")
        self.options.show_options(mode.options if mode else (), self.request.options)

    def _show_inputs_of(self, signature: str) -> None:
        specs = with_sizes(self._model.inputs_of(signature))
        self.inputs.setRowCount(len(specs))
        for row, spec in enumerate(specs):
            _fill_row(self.inputs, row, spec)

    def add_input(self) -> None:
        """One more input for a model whose file does not say how many it takes."""
        row = self.inputs.rowCount()
        self.inputs.insertRow(row)
        _fill_row(self.inputs, row, InputSpec(f"input{row + 1}", "float32", (1,), guessed=True))

    def accept(self) -> None:
        try:
            self.request = self._read()
        except TwinscopeError as error:
            self._problem.setText("⚠ " + str(error))
            return
        super().accept()

    def _read(self) -> RunRequest:
        return replace(
            self.request,
            mode=self.mode.currentData(),
            inputs=tuple(self._read_input(row) for row in range(self.inputs.rowCount())),
            inputs_file=self.inputs_file.text().strip(),
            source_folder=self.source_folder.text().strip(),
            signature=self.signature.currentText(),
            code=self.code.text,
            sweep=parse_sweep(self.sweep.text()),
            steps=self.steps.value(),
            warmup=self.warmup.value(),
            device=self.device.currentText().strip(),
            threads=self.threads.value(),
            limit_s=float(self.limit.value()),
            options=self.options.values(),
        )

    def _read_input(self, row: int) -> InputSpec:
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
        widget = self.inputs.cellWidget(row, column)
        if isinstance(widget, QComboBox):
            return widget.currentText()
        item = self.inputs.item(row, column)
        return item.text().strip() if item else ""

    def _input_table(self, specs: tuple[InputSpec, ...]) -> QTableWidget:
        table = QTableWidget(len(specs), 5)
        table.setHorizontalHeaderLabels(
            [self.tr("Name"), self.tr("Type"), self.tr("Shape"), self.tr("From"), self.tr("Below")]
        )
        table.setAccessibleName(self.tr("Model inputs"))
        table.verticalHeader().hide()
        table.setTabKeyNavigation(False)  # Tab leaves the table
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for row, spec in enumerate(specs):
            _fill_row(table, row, spec)
        return table

    def _with_browse(self, line: QLineEdit, pattern: str) -> QWidget:
        button = QPushButton(self.tr("Browse…"))

        def browse() -> None:
            chosen = (
                QFileDialog.getOpenFileName(self, filter=pattern)[0]
                if pattern
                else QFileDialog.getExistingDirectory(self)
            )
            if chosen:
                line.setText(chosen)

        button.clicked.connect(browse)
        both = QWidget()
        layout = QHBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(line, 1)
        layout.addWidget(button)
        return both

    def _obstacle(self, mode_id: str | None) -> ModeUnavailable | None:
        mode = mode_named(mode_id or "")
        return mode.obstacle(self.device.currentText().strip(), self._model.kind) if mode else None

    def _check(self) -> None:
        """Say at once what keeps modes from running here, or what was guessed."""
        for row in range(self.mode.count()):
            told = self._obstacle(self.mode.itemData(row))
            self.mode.setItemData(row, str(told) if told else "", Qt.ItemDataRole.ToolTipRole)
        obstacle = self._obstacle(self.mode.currentData())
        self._run.setEnabled(self.mode.currentIndex() >= 0 and not obstacle)
        if obstacle:
            self._problem.setText(f"⚠ {obstacle}")
        elif not self._model.inputs and self._model.framework == "torch":
            self._problem.setText(
                self.tr(
                    "The inputs are found out when the model is loaded; add them to choose yourself."
                )
            )
        elif any(spec.guessed for spec in self._model.inputs) or not self._model.inputs:
            self._problem.setText(
                self.tr(
                    "The file does not say what its inputs are; please check the guesses above."
                )
            )
        else:
            self._problem.setText("")


def _fill_row(table: QTableWidget, row: int, spec: InputSpec) -> None:
    name = QTableWidgetItem(spec.name)
    if spec.guessed:
        name.setToolTip(table.tr("Guessed: the file does not say. Please check."))
    else:
        name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
    table.setItem(row, 0, name)
    dtype = QComboBox()
    dtype.addItems([*_DTYPES, *({spec.dtype} - set(_DTYPES))])
    dtype.setCurrentText(spec.dtype)
    dtype.setAccessibleName(table.tr("Type of {}").format(spec.name))
    table.setCellWidget(row, 1, dtype)
    table.setItem(row, 2, QTableWidgetItem(",".join(map(str, spec.shape))))
    for column, bound in ((3, spec.low), (4, spec.high)):
        table.setItem(row, column, QTableWidgetItem("" if bound is None else f"{bound:g}"))


def _spin(value: int, low: int, high: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    return box
