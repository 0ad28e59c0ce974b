"""What the compiler merged: authored operators, the kernels made of them, and what stayed apart."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from views.context import ViewContext
from views.empty_note import empty_note
from views.fusion.canvas import FusionCanvas
from views.fusion.groups import Group, fused_groups

__all__ = ["FusionView"]

_MOST_BREAKS_IN_SIGHT = 5


class FusionView(QWidget):
    """Sorted by time or name; a click on either side picks."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._groups = fused_groups(context.profile)
        if self._groups:
            self._show_groups()
        else:
            self._layout.addWidget(self._why_empty())
        if len(context.profile.fusion.breaks):
            self._layout.addWidget(self._breaks())
        elif not self._groups:
            self._layout.addStretch()

    def _show_groups(self) -> None:
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Order of the groups"))
        self.order.addItem(self.tr("Longest first"), "time")
        self.order.addItem(self.tr("By name"), "name")
        self.order.addItem(self.tr("As compiled"), "row")
        members = sum(len(group.members) for group in self._groups)
        compilers = ", ".join(dict.fromkeys(group.compiler for group in self._groups))
        summary = QLabel(
            self.tr("{} operators became {} kernels  ·  {}").format(
                members, len(self._groups), compilers
            )
        )
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.order)
        bar.addWidget(summary)
        bar.addStretch()
        self.canvas = FusionCanvas(self._context)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidget(self.canvas)
        self.source = QPlainTextEdit()
        self.source.setReadOnly(True)
        self.source.setAccessibleName(self.tr("Generated source"))
        self.source.hide()
        self._layout.addLayout(bar)
        self._layout.addWidget(self._scroll, 1)
        self._layout.addWidget(self.source, 1)
        self.order.currentIndexChanged.connect(self._sort)
        self.canvas.group_picked.connect(self._context.selection.pick_group)
        self.canvas.node_picked.connect(lambda node: self._context.selection.pick_nodes([node]))
        self._context.selection.changed.connect(self._follow)
        self._sort()

    def _sort(self) -> None:
        keys = {
            "time": lambda group: (-group.step_ns, group.row),
            "name": lambda group: (group.name, group.row),
            "row": lambda group: (group.row,),
        }
        ordered: list[Group] = sorted(self._groups, key=keys[self.order.currentData()])
        self.canvas.show_groups(ordered)

    def _follow(self) -> None:
        """Bring the first picked group into sight and show its source."""
        groups = self._context.selection.picked.groups
        self.source.hide()
        if not len(groups):
            return
        first = int(groups[0])
        self._scroll.ensureVisible(0, self.canvas.top_of(first) + 20, 0, 30)
        source = int(self._context.profile.fusion.groups.source[first])
        if source >= 0:
            self.source.setPlainText(self._context.profile.strings[source])
            self.source.show()

    def _breaks(self) -> QTreeWidget:
        profile = self._context.profile
        breaks, strings = profile.fusion.breaks, profile.strings
        tree = QTreeWidget()
        tree.setHeaderLabels([self.tr("What stayed apart"), self.tr("Why"), self.tr("Where")])
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        tree.setAccessibleName(self.tr("What stayed apart"))
        for row in range(len(breaks)):
            node = int(breaks.node[row])
            where = strings[int(breaks.location[row])]
            if not where and node >= 0:
                where = strings[int(profile.authored.nodes.name[node])]
            item = QTreeWidgetItem(
                [strings[int(breaks.kind[row])], strings[int(breaks.reason[row])], where]
            )
            item.setData(0, Qt.ItemDataRole.UserRole, node)
            item.setToolTip(1, strings[int(breaks.reason[row])])
            tree.addTopLevelItem(item)
        row_height = tree.sizeHintForRow(0) + 1
        rows_in_sight = min(len(breaks), _MOST_BREAKS_IN_SIGHT)
        tree.setFixedHeight(tree.header().sizeHint().height() + rows_in_sight * row_height + 4)
        tree.itemClicked.connect(self._pick_break)
        return tree

    def _pick_break(self, item: QTreeWidgetItem) -> None:
        node = int(item.data(0, Qt.ItemDataRole.UserRole))
        if node >= 0:
            self._context.selection.pick_nodes([node])

    def _why_empty(self) -> QLabel:
        profile = self._context.profile
        if not len(profile.trace.slices):
            text = self.tr("This model was not run yet: what a compiler would merge is not known.")
        elif not profile.environment.mode:
            text = self.tr("A trace alone does not tell what a compiler merged.")
        else:
            text = self.tr("Nothing was fused. ") + self._reason(profile.environment.mode)
        return empty_note(text)

    def _reason(self, mode: str) -> str:
        grappler = self.tr(
            "Grappler found no operators here that TensorFlow has a fused kernel for."
        )
        reasons = {
            "torch-eager": self.tr(
                "Eager PyTorch runs every operator by itself: it has no compiler that could fuse."
            ),
            "torch-export": self.tr(
                "An exported program runs operator by operator: nothing compiles it further."
            ),
            "torchscript": self.tr("TorchScript's fuser is off on the CPU."),
            "tf-graph": grappler,
            "keras": grappler,
            "onnxruntime": self.tr(
                "ONNX Runtime found no operators here that it has a fused kernel for."
            ),
        }
        return reasons.get(mode, "")
