"""What each rank of a distributed run did with its time: a bar and the numbers."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from profilers.analysis.rank_time import rank_rows
from profilers.profile import Profile
from profilers.units import format_duration, format_percent
from views.devices.stacked_bar import Part, StackedBar
from views.theme import Theme

_COMPUTE_HUE, _WAIT_HUE, _TRANSFER_HUE = 212, 32, 12
_BAR_WIDTH = 220


class RanksSection(QWidget):
    def __init__(self, profile: Profile, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        heading = QLabel(self.tr("Ranks"))
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(heading)
        self._legend = self._label("", is_muted=True)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(2)
        titles = (
            (self.tr("Rank"), ""),
            ("", ""),
            (self.tr("Computing"), self.tr("On devices, or in operators where there are none")),
            (self.tr("Communication"), ""),
            (self.tr("Exposed"), self.tr("Communication while the rank computes nothing")),
            (self.tr("Waiting"), self.tr("Communication before the last rank had arrived")),
            (self.tr("Last to arrive"), self.tr("Collectives that the others waited for it in")),
            (self.tr("Others waited"), self.tr("For this rank, all of them added up")),
        )
        for column, (title, tip) in enumerate(titles):
            label = self._label(title, is_muted=True)
            label.setToolTip(tip)
            self._grid.addWidget(label, 0, column)
        for line, row in enumerate(rank_rows(profile), 1):
            self._add(line, row)
        self._grid.setColumnStretch(len(titles), 1)
        layout.addLayout(self._grid)
        layout.addWidget(self._legend)

    def _add(self, line: int, row: dict[str, int]) -> None:
        texts = (
            f"{row['rank']}",
            "",
            format_duration(row["compute_ns"]),
            format_duration(row["communication_ns"]),
            f"{format_duration(row['exposed_ns'])} "
            f"({format_percent(row['exposed_ns'] / max(row['span_ns'], 1))})",
            format_duration(row["wait_ns"]),
            self.tr("{} of {}").format(f"{row['last_arrivals']:,}", f"{row['collectives']:,}"),
            format_duration(row["caused_wait_ns"]),
        )
        for column, text in enumerate(texts):
            self._grid.addWidget(self._label(text), line, column)
        self._grid.addWidget(self._bar(row), line, 1)

    def _bar(self, row: dict[str, int]) -> StackedBar:
        theme = self._theme
        waits = min(row["wait_ns"], row["exposed_ns"])
        rest = row["span_ns"] - row["compute_ns"] - row["exposed_ns"]
        parts = (
            Part(self.tr("Computing"), row["compute_ns"], theme.hue_colour(_COMPUTE_HUE)),
            Part(self.tr("Waiting for others"), waits, theme.hue_colour(_WAIT_HUE)),
            Part(
                self.tr("Other exposed communication"),
                row["exposed_ns"] - waits,
                theme.hue_colour(_TRANSFER_HUE),
            ),
            Part(self.tr("Neither"), max(rest, 0), theme.grid),
        )
        self._legend.setText(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{part.colour.name()}">■</span>&nbsp;{part.title}'
                for part in parts
            )
        )
        bar = StackedBar(theme, parts)
        bar.setFixedWidth(_BAR_WIDTH)
        told = "\n".join(f"{part.title}: {format_duration(part.duration_ns)}" for part in parts)
        bar.setToolTip(told)
        bar.setAccessibleName(self.tr("Rank {}: {}").format(row["rank"], told.replace("\n", ", ")))
        return bar

    def _label(self, text: str, *, is_muted: bool = False) -> QLabel:
        label = QLabel(text)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if is_muted:
            palette = label.palette()
            palette.setColor(label.foregroundRole(), self._theme.muted)
            label.setPalette(palette)
        return label
