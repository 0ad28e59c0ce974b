"""How to run a model: mode, inputs, steps."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.capturing import request_for
from app.window.code_field import CodeField
from app.window.input_table import InputTable
from app.window.option_fields import OptionFields
from profilers.devices import devices
from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.models import ModelFile
from profilers.request import RunRequest, with_sizes
from profilers.runtimes import RUN_MODES, mode_named
from profilers.sweeps import parse_sweep, sweep_text
from profilers.visible_text import visible
from views.plain_label import PlainLabel


class RunDialog(QDialog):
    """Pre-filled with what the file tells or lets guess; `request` is valid after acceptance."""

    def __init__(
        self, model: ModelFile, last: RunRequest | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self.request = last or request_for(model)
        self.setWindowTitle(self.tr("Run {}").format(visible(model.path.name)))
        self.resize(680, 520)
        self._make_choices_of_model(self.request)
        self._make_choices_of_run(self.request)
        self._problem = PlainLabel()
        self._problem.setObjectName("problem")
        self._problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._run = self.buttons.addButton(self.tr("Run"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = self._form()
        layout = QVBoxLayout(self)
        layout.addWidget(PlainLabel(model.title))
        layout.addLayout(form)
        layout.addWidget(self._problem)
        layout.addWidget(self.buttons)
        self.options.align_with(form)
        self._show_options()
        self._check()

    def _make_choices_of_model(self, start: RunRequest) -> None:
        """How it runs and what it takes."""
        self.mode = QComboBox()
        for mode in RUN_MODES:
            if mode.id in self._model.modes:
                self.mode.addItem(mode.title, mode.id)
        self.mode.setCurrentIndex(max(self.mode.findData(start.mode), 0))
        self.mode.currentIndexChanged.connect(self._check)
        self.mode.currentIndexChanged.connect(self._show_options)
        self.options = OptionFields(self)
        self.signature = QComboBox()
        self.signature.addItems(self._model.signatures)
        if start.signature:
            self.signature.setCurrentText(start.signature)
        self.signature.currentTextChanged.connect(self._show_inputs_of)
        self.code = CodeField(start.code, self)
        self.inputs = InputTable(start.inputs)
        self.inputs_file = QLineEdit(start.inputs_file)
        self.inputs_file.setPlaceholderText(self.tr("random values within dtype and range"))
        self.source_folder = QLineEdit(start.source_folder)
        self.source_folder.setPlaceholderText(self.tr("where the model's own classes live"))

    def _make_choices_of_run(self, start: RunRequest) -> None:
        """How often, where and for how long."""
        self.sweep = QLineEdit(sweep_text(start.sweep))
        self.sweep.setPlaceholderText(self.tr("none; for example batch=1,2,4,8; sequence=16,32"))
        self.sweep.setToolTip(
            self.tr("Sizes that are measured as well, without the profiler, after the capture.")
        )
        self.steps = _spin(start.steps, 1, 100_000)
        self.warmup = _spin(start.warmup, 0, 100_000)
        self.device = QComboBox()
        self.device.setEditable(True)
        for row, device in enumerate(devices()):
            self.device.addItem(device.id)
            self.device.setItemData(row, device.name, Qt.ItemDataRole.ToolTipRole)
        self.device.setCurrentText(start.device)
        self.device.currentTextChanged.connect(self._check)
        self.threads = _spin(start.threads, 0, 1024)
        self.threads.setSpecialValueText(self.tr("the framework's own"))
        self.limit = _spin(round(start.limit_s), 1, 1_000_000)
        self.limit.setSuffix(" s")

    def _form(self) -> QFormLayout:
        """The choices in the order in which they are read; what the model has no use for is left out."""
        model, form = self._model, QFormLayout()
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
            more.clicked.connect(self.inputs.add_guess)
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
        return form

    def _show_options(self) -> None:
        mode = mode_named(self.mode.currentData() or "")
        self.options.show_options(mode.options if mode else (), self.request.options)
        self.options.follow_in_tab_order(self.mode)

    def _show_inputs_of(self, signature: str) -> None:
        self.inputs.show_specs(with_sizes(self._model.inputs_of(signature)))

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
            inputs=self.inputs.specs(),
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


def _spin(value: int, low: int, high: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    return box
