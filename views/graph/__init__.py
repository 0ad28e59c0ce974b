"""The model's graph: scopes that fold, figures on nodes, and the stages that compilers made of it."""

from html import escape

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from views.context import ViewContext
from views.empty_note import empty_note
from views.graph.canvas import GraphCanvas
from views.graph.figures import described, node_figures
from views.graph.inspector import NodeInspector
from views.graph.model import StageModel

__all__ = ["GraphView"]

_MOST_UNFOLDED = 600
_MOST_FAMILIES = 9


class GraphView(QWidget):
    """Click picks, double click folds, Ctrl+F finds, arrows walk, F fits, Backspace folds the parent."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_picking = False
        self._found: list[int] = []
        self._at = -1
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        if not context.profile.graphs or not len(context.profile.authored.nodes):
            text = self.tr("This profile has no graph: a trace alone does not tell it.")
            layout.addWidget(empty_note(text))
            return
        figures = node_figures(context.profile)
        self.canvas = GraphCanvas(context, figures)
        self.inspector = NodeInspector(context, figures)
        self.stage = QComboBox()
        self.stage.setAccessibleName(self.tr("Stage of the graph"))
        for number, graph in enumerate(context.profile.graphs):
            self.stage.addItem(graph.stage.capitalize(), number)
        self.stage.setVisible(self.stage.count() > 1)
        self.measure = QComboBox()
        self.measure.setAccessibleName(self.tr("Colour by"))
        for title, measure in (
            (self.tr("Colour: operator"), "family"),
            (self.tr("Colour: self time"), "time"),
            (self.tr("Colour: memory"), "memory"),
            (self.tr("Colour: FLOPs"), "flops"),
        ):
            self.measure.addItem(title, measure)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find nodes  (Ctrl+F)"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find nodes"))
        self._count = QLabel()
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setContentsMargins(6, 0, 6, 2)
        self._legend.setMinimumWidth(1)  # rather cut than widen the column
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        for widget, stretch in (
            (self.stage, 0),
            (self.measure, 0),
            (self.search, 1),
            (self._count, 0),
            (self._button("−", self.tr("Fold all"), self.fold_all), 0),
            (self._button("+", self.tr("Unfold all"), self.unfold_all), 0),
            (self._button("⤢", self.tr("Fit"), self.canvas.fit), 0),
        ):
            bar.addWidget(widget, stretch)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.canvas)
        split.addWidget(self.inspector)
        split.setStretchFactor(0, 1)
        split.setSizes([600, 250])
        layout.addLayout(bar)
        layout.addWidget(split, 1)
        layout.addWidget(self._legend)
        self.stage.currentIndexChanged.connect(self._show_stage)
        self.measure.currentIndexChanged.connect(self._recolour)
        self.search.textChanged.connect(self._search)
        self.search.installEventFilter(self)
        self.canvas.picked.connect(self._pick)
        self.canvas.stage_nodes_picked.connect(self._inspect)
        context.selection.changed.connect(self._follow)
        self._show_stage()

    def is_settled(self) -> bool:
        return not hasattr(self, "canvas") or self.canvas.is_settled()

    def fold_all(self) -> None:
        self.canvas.set_opened(frozenset())
        self.canvas.fit_readable()

    def unfold_all(self) -> None:
        """Unfold everything, from the outside in, as long as it can be drawn at once."""
        hierarchy = self._model.hierarchy
        opened: set[int] = set()
        shown = 0
        for item in sorted(hierarchy.children, key=lambda each: hierarchy.depth[each]):
            shown += len(hierarchy.children[item])
            if item >= 0 and shown <= _MOST_UNFOLDED:
                opened.add(item)
        self.canvas.set_opened(frozenset(opened))
        self.canvas.fit_readable()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_find = (
            event.key() == Qt.Key.Key_F
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
            and hasattr(self, "search")
        )
        if is_find:
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.search.selectAll()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and Shift+Enter walk through the finds."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._step(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return super().eventFilter(watched, event)

    def _show_stage(self) -> None:
        stage = self.stage.currentData()
        self._model = StageModel(self._context.profile, stage, self.font())
        self.canvas.show_stage(self._model)
        self._recolour()
        self._search(self.search.text())
        self._follow()

    def _recolour(self) -> None:
        measure = self.measure.currentData()
        self.canvas.painter.measure = measure
        if measure == "family":
            marks = [
                _mark(self._context.theme.family_colour(operator), family)
                for family, operator in list(self._model.families().items())[:_MOST_FAMILIES]
            ]
            self._legend.setText("&nbsp;&nbsp; ".join(marks))
        else:
            highest = described(measure, self.canvas.painter.highest())
            hot = _mark(self._context.theme.selection, highest)
            self._legend.setText(self.tr("0 … {} of one node; folded boxes add up").format(hot))
        self.canvas.update()

    def _pick(self, authored: list[int]) -> None:
        self._is_picking = True
        try:
            if authored:
                self._context.selection.pick_nodes(authored)
            else:
                self._context.selection.clear()
        finally:
            self._is_picking = False

    def _inspect(self, nodes: list[int]) -> None:
        if len(nodes) == 1:
            authored = self._model.authored(nodes)
            self.inspector.show_node(self._model.graph, nodes[0], authored)
        elif nodes:
            self.inspector.show_many(len(nodes), self._model.authored(nodes))
        else:
            self.inspector.show_graph(self._model.graph)

    def _follow(self) -> None:
        if self._is_picking:
            return
        picked = self._context.selection.picked
        nodes = self._model.from_authored(picked.nodes.tolist())
        self.canvas.show_picked(nodes, come_into_sight=True)
        self._inspect(nodes)

    def _search(self, text: str) -> None:
        self._found = self._model.found(text)
        self._at = -1
        self._count.setText(f"{len(self._found):,}" if text.strip() else "")
        if self._found:
            self._step(1)

    def _step(self, by: int) -> None:
        if not self._found:
            return
        first = 0 if by > 0 else len(self._found) - 1
        self._at = first if self._at < 0 else (self._at + by) % len(self._found)
        node = self._found[self._at]
        self.canvas.show_picked([node], come_into_sight=True)
        self._inspect([node])
        self._pick(self._model.authored([node]))
        self._count.setText(f"{self._at + 1:,} / {len(self._found):,}")

    def _button(self, text: str, name: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setAutoRaise(True)
        button.clicked.connect(act)
        return button


def _mark(colour: QColor, text: str) -> str:
    return f"<span style='color:{colour.name()}'>■</span> {escape(text)}"
