"""What one device did: its time as a bar, its gaps by cause, and how work reached it."""

import math
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from profilers.analysis.device.idle_time import KERNEL_WAIT_NS, IdleCause
from profilers.units import format_duration, format_percent
from views.devices.figures import DeviceFigures
from views.devices.stacked_bar import Part, StackedBar
from views.theme import Theme

COMPUTE_HUE, COMMUNICATION_HUE, COPY_HUE = 212, 12, 140
_CAUSE_HUES = {IdleCause.HOST_WAIT: 32, IdleCause.KERNEL_WAIT: 52, IdleCause.OTHER: 265}


class DeviceCard(QFrame):
    def __init__(
        self, figures: DeviceFigures, title: str, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAutoFillBackground(True)
        palette = self.palette()
        palette.setColor(self.backgroundRole(), theme.panel)
        self.setPalette(palette)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 6, 8, 6)
        self._layout.setSpacing(3)
        heading = QLabel(title)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self._layout.addWidget(heading)
        self._add_time(figures)
        self._add_gaps(figures)
        self._add_launches(figures)

    def _add_time(self, figures: DeviceFigures) -> None:
        theme = self._theme
        exposed = self.tr("Exposed communication")
        self._add_bar(
            (
                Part(self.tr("Compute"), figures.compute_ns, theme.hue_colour(COMPUTE_HUE)),
                Part(
                    exposed,
                    figures.exposed_communication_ns,
                    theme.hue_colour(COMMUNICATION_HUE),
                ),
                Part(
                    self.tr("Exposed copies"),
                    figures.exposed_copy_ns,
                    theme.hue_colour(COPY_HUE),
                ),
                Part(self.tr("Idle"), figures.idle_ns, theme.grid),
            ),
            self.tr("Exposed: while nothing computes; copies also while nothing communicates"),
        )
        texts = [self.tr("Busy {} of {}").format(_time(figures.busy_ns), _time(figures.span_ns))]
        if not math.isnan(figures.hidden_share):
            texts.append(
                self.tr("communication {}, {} of it hidden behind compute").format(
                    _time(figures.communication_ns),
                    _share(figures.hidden_share),
                )
            )
        if figures.copy_ns:
            texts.append(self.tr("copies {}").format(_time(figures.copy_ns)))
        self._add_text("  ·  ".join(texts))

    def _add_gaps(self, figures: DeviceFigures) -> None:
        if not any(figures.gaps_ns):
            return
        titles = {
            IdleCause.HOST_WAIT: self.tr("Waits for the host"),
            IdleCause.KERNEL_WAIT: self.tr("Between kernels"),
            IdleCause.OTHER: self.tr("Other"),
        }
        time = _time(sum(figures.gaps_ns))
        self._add_text(
            self.tr("Gaps between work: {}").format(time)
            if figures.streams == 1
            else self.tr("Gaps between work, {} streams added up: {}").format(figures.streams, time)
        )
        self._add_bar(
            [
                Part(title, figures.gaps_ns[cause], self._theme.hue_colour(_CAUSE_HUES[cause]))
                for cause, title in titles.items()
            ],
            self.tr(
                "Waits for the host: the next work was launched after the last had ended. "
                "Between kernels: gaps below {}. Other: such as an event of another stream."
            ).format(_time(KERNEL_WAIT_NS)),
        )

    def _add_launches(self, figures: DeviceFigures) -> None:
        launches = figures.launches
        if not launches.count:
            self._add_text(self.tr("No launches are recorded for its work."))
            return
        self._add_text(
            self.tr("Launch delay: median {}, 95 % below {}, longest {}").format(
                _time(launches.median_delay_ns),
                _time(launches.p95_delay_ns),
                _time(launches.longest_delay_ns),
            )
        )
        self._add_text(
            self.tr(
                "{} launches  ·  {} ({}) run shorter than their call  ·  longest queue {}"
            ).format(
                f"{launches.count:,}",
                f"{launches.short_work:,}",
                _share(launches.short_work / launches.count),
                f"{figures.longest_queue:,}",
            )
        )

    def _add_bar(self, parts: Sequence[Part], tooltip: str) -> None:
        bar = StackedBar(self._theme, parts)
        bar.setToolTip(tooltip)
        total_ns = max(sum(part.duration_ns for part in parts), 1)
        self._layout.addWidget(bar)
        self._add_text(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{part.colour.name()}">■</span>&nbsp;'
                + escape(
                    _unbroken(
                        f"{part.title} {_time(part.duration_ns)} "
                        f"({_share(part.duration_ns / total_ns)})"  # which may be <0.1 %
                    )
                )
                for part in parts
                if part.duration_ns
            ),
            Qt.TextFormat.RichText,
        )

    def _add_text(self, text: str, text_format: Qt.TextFormat = Qt.TextFormat.PlainText) -> None:
        label = QLabel(text)
        label.setTextFormat(text_format)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._layout.addWidget(label)


def _time(duration_ns: int) -> str:
    return _unbroken(format_duration(duration_ns))


def _share(share: float) -> str:
    return _unbroken(format_percent(share))


def _unbroken(text: str) -> str:
    """With spaces where no line breaks."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
