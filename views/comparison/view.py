"""The row that spans all columns and compares two of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.comparison import ProfileComparison, can_normalise, compare
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.kept import rounds_of, turns_of
from profilers.analysis.comparison.side import samples_per_step
from profilers.analysis.comparison.words import (
    explained_sentence,
    fusion_sentences,
    verdict_sentence,
)
from profilers.analysis.parity import sentence
from profilers.profile import KeptComparison, Profile
from views.background import Latest
from views.comparison.figure_table import FigureTable
from views.comparison.row_table import RowTable
from views.comparison.sides import Sides
from views.comparison.waterfall import Waterfall
from views.one_stop import OneStop
from views.plain_label import PlainLabel
from views.theme import Theme

_SHOWN_CAUTIONS = 4


@dataclass(frozen=True, eq=False)
class ComparedColumn:
    """A column as this view knows it; `key` tells it from others and `can_run` that it can again."""

    key: object
    title: str
    profile: Profile
    can_run: bool = False


_Pick = Callable[[ComparedColumn, Sequence[int], int, ComparedColumn, Sequence[int], int], None]


class ComparisonView(QWidget):
    """Verdicts above, figures and a waterfall to the left, all rows to the right.

    `pick` is called with the nodes and a slice of either column when a row is clicked. `turns_asked`
    tells that both columns are to be measured again, in turns.
    """

    turns_asked = Signal(object, object)

    def __init__(self, theme: Theme, pick: _Pick, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._pick_both = pick
        self._columns: list[ComparedColumn] = []
        self._rounds: dict[tuple[object, object], Rounds] = {}  # by the keys of both columns
        self.comparison: ProfileComparison | None = None
        self._latest = Latest(self)
        self._latest.arrived.connect(self._show)
        self._latest.failed.connect(self._tell_failure)
        self._build()

    def _build(self) -> None:
        self.a, self.b = QComboBox(), QComboBox()
        for name, box in (("A", self.a), ("B", self.b)):
            box.setAccessibleName(self.tr("Column {}").format(name))
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(self._ask)
        self.swap = QToolButton()
        self.swap.setText("⇄")
        self.swap.setToolTip(self.tr("Swap A and B"))
        self.swap.setAccessibleName(self.tr("Swap A and B"))
        self.swap.clicked.connect(self._swap)
        self.per_sample = QCheckBox(self.tr("Per sample"))
        self.per_sample.setToolTip(self.tr("Divide step times by the batch size"))
        self.per_sample.toggled.connect(self._ask)
        self.turns = QToolButton()
        self.turns.setText(self.tr("Measure both again, interleaved"))
        self.turns.setToolTip(
            self.tr("Runs both models in turns, so that what slows the machine down slows both")
        )
        self.turns.clicked.connect(self.ask_turns)
        bar = QHBoxLayout()
        for widget in (
            QLabel("A"), self.a, self.swap, QLabel("B"), self.b, self.per_sample,
        ):  # fmt: skip
            bar.addWidget(widget)
        bar.addStretch(1)
        bar.addWidget(self.turns)
        OneStop([self.a, self.swap, self.b, self.per_sample, self.turns], self)
        self.verdict = PlainLabel()
        font = self.verdict.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        self.verdict.setFont(font)
        self.explained = PlainLabel()
        self.cautions = PlainLabel()
        for label in (self.verdict, self.explained, self.cautions):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        palette = self.cautions.palette()
        palette.setColor(self.cautions.foregroundRole(), self._theme.warning)
        self.cautions.setPalette(palette)
        self.figures = FigureTable(self._theme)
        self.waterfall = Waterfall(self._theme)
        self.rows = RowTable(self._theme)
        self.waterfall.row_picked.connect(self._pick)
        self.rows.row_picked.connect(self._pick)
        self._sides = Sides(self.figures, self.waterfall, self.rows, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setSpacing(3)
        layout.addLayout(bar)
        for label in (self.verdict, self.explained, self.cautions):
            layout.addWidget(label)
        layout.addWidget(self._sides, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hold()

    def _hold(self) -> None:
        """Ask for as much height as the texts take at this width."""
        self._sides.fit()
        layout = self.layout()
        assert layout is not None
        self.setMinimumHeight(max(layout.minimumHeightForWidth(self.width()), 0))

    def leave(self) -> None:
        """Go, and show nothing of what is still being computed."""
        self._latest.drop()
        self.hide()
        self.deleteLater()

    def is_settled(self) -> bool:
        return not self._latest.is_waiting

    def set_columns(self, columns: Sequence[ComparedColumn]) -> None:
        """The columns that are open, in their order; those chosen stay chosen where they remain."""
        chosen = [self._chosen(box) for box in (self.a, self.b)]
        before = [(each.key, each.profile) for each in self._columns]
        self._columns = list(columns)
        keys = [column.key for column in columns]
        self._rounds = {
            (a, b): rounds for (a, b), rounds in self._rounds.items() if a in keys and b in keys
        }
        places = [keys.index(each.key) if each and each.key in keys else -1 for each in chosen]
        if places[0] < 0:
            places[0] = next((at for at in range(len(keys)) if at != places[1]), -1)
        if places[1] < 0:
            places[1] = next((at for at in range(len(keys)) if at != places[0]), -1)
        for box, place in zip((self.a, self.b), places, strict=True):
            box.clear()
            box.addItems([f"{at}. {column.title}" for at, column in enumerate(columns, 1)])
            box.setCurrentIndex(place)
        if before != [(each.key, each.profile) for each in columns] or self.comparison is None:
            self._ask()
        self._enable()

    def choose(self, a: int, b: int) -> None:
        """Compare the columns at these places."""
        self.a.setCurrentIndex(a)
        self.b.setCurrentIndex(b)
        self._ask()

    def show_rounds(self, a: object, b: object, rounds: Rounds) -> None:
        """Step times of two columns' models, named by their keys, that were measured in turns."""
        self._keep_rounds(a, b, rounds)
        self._ask()

    @property
    def settings(self) -> KeptComparison | None:
        """What is compared and how, by the places of the columns; None where there are no two."""
        keys = [column.key for column in self._columns]
        a, b = self.a.currentIndex(), self.b.currentIndex()
        if a < 0 or b < 0 or a == b:
            return None
        turns = [
            turns_of(keys.index(one), keys.index(other), rounds)
            for (one, other), rounds in self._rounds.items()
            if one in keys and other in keys and keys.index(one) < keys.index(other)
        ]
        return KeptComparison(a, b, self.per_sample.isChecked(), tuple(turns))

    def set_settings(self, settings: KeptComparison) -> None:
        """Compare as it was compared elsewhere; places are those of the columns."""
        for turns in settings.turns:
            rounds = rounds_of(turns)
            if rounds is not None:
                self._keep_rounds(self._columns[turns.a].key, self._columns[turns.b].key, rounds)
        self.per_sample.blockSignals(True)
        self.per_sample.setChecked(settings.per_sample)
        self.per_sample.blockSignals(False)
        self.choose(settings.a, settings.b)

    def _keep_rounds(self, a: object, b: object, rounds: Rounds) -> None:
        self._rounds[a, b] = rounds
        self._rounds[b, a] = rounds.turned()

    def ask_turns(self) -> None:
        """Have the chosen two measured in turns, where both can run."""
        a, b = self._chosen(self.a), self._chosen(self.b)
        if a is not None and b is not None and self.turns.isEnabled():
            self.turns_asked.emit(a.key, b.key)

    def _chosen(self, box: QComboBox) -> ComparedColumn | None:
        at = box.currentIndex()
        return self._columns[at] if 0 <= at < len(self._columns) else None

    def _swap(self) -> None:
        self.choose(self.b.currentIndex(), self.a.currentIndex())

    def _enable(self) -> None:
        a, b = self._chosen(self.a), self._chosen(self.b)
        both = a is not None and b is not None
        self.turns.setEnabled(bool(both and a and b and a.can_run and b.can_run))
        self.per_sample.setVisible(
            bool(a and b and can_normalise(a.profile, b.profile))
            and bool(a and b and samples_per_step(a.profile) != samples_per_step(b.profile))
        )

    def _ask(self) -> None:
        a, b = self._chosen(self.a), self._chosen(self.b)
        if a is None or b is None:
            return
        self._enable()
        self.verdict.setText(self.tr("Comparing…"))
        rounds = self._rounds.get((a.key, b.key))
        per_sample = self.per_sample.isChecked()
        self._latest.ask(
            lambda: compare(a.profile, b.profile, rounds=rounds, per_sample=per_sample)
        )

    def _show(self, found: ProfileComparison) -> None:
        self.comparison = found
        latency = found.latency
        self.verdict.setText(
            verdict_sentence(latency) if latency else self.tr("No steps to compare")
        )
        told = [self._explained(found), *fusion_sentences(found.explanation)]
        if found.parity is not None:
            told.append(sentence(found.parity))
        self.explained.setText(" ".join(told))
        self._show_cautions(found.cautions)
        self.figures.show_figures(found.figures)
        self._hold()
        self.waterfall.show_explanation(found.explanation)
        self.rows.show_explanation(found.explanation)

    def _explained(self, found: ProfileComparison) -> str:
        explanation = found.explanation
        if not (explanation.a_ns and explanation.b_ns):
            return self.tr("No trace to explain it.")
        return explained_sentence(explanation, per_sample=found.per_sample)

    def _show_cautions(self, cautions: Sequence[str]) -> None:
        shown = list(cautions[:_SHOWN_CAUTIONS])
        if len(cautions) > _SHOWN_CAUTIONS:
            shown.append(self.tr("%n more", "", len(cautions) - _SHOWN_CAUTIONS))
        self.cautions.setText("\n".join(f"⚠ {each}" for each in shown))
        self.cautions.setToolTip("\n".join(cautions))
        self.cautions.setVisible(bool(cautions))

    def _tell_failure(self, error: Exception) -> None:
        self.verdict.setText(self.tr("The comparison failed: {}").format(error))

    def _pick(self, at: int) -> None:
        a, b = self._chosen(self.a), self._chosen(self.b)
        if self.comparison is None or a is None or b is None:
            return
        row = self.comparison.explanation.rows[at]
        self._pick_both(a, row.nodes[0], row.slices[0], b, row.nodes[1], row.slices[1])
        self.rows.select(at)
