"""A bar that tells one sentence, with details on demand."""

from collections.abc import Callable

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from profilers.errors import TwinscopeError
from profilers.visible_text import visible
from views.theme import Theme

_MOST_SENTENCES = 3
_MARGINS = QMargins(10, 4, 6, 4)
_NARROWEST_TEXT = 260  # pixels, beside buttons


class NoticeBar(QFrame):
    """Hidden until there is something to tell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setTabChangesFocus(True)
        self._details.setMaximumHeight(180)
        self._details.setAccessibleName(self.tr("Error details"))
        self._more = QToolButton()
        self._more.setText(self.tr("Details"))
        self._more.setCheckable(True)
        self._more.toggled.connect(self._details.setVisible)
        self.offer = QToolButton()
        self.offer.clicked.connect(self._take_offer)
        self._act: Callable[[], object] = lambda: None
        self._errors: list[TwinscopeError] = []
        close = QToolButton()
        close.setText("✕")
        close.setAutoRaise(True)
        close.setAccessibleName(self.tr("Dismiss"))
        close.clicked.connect(self.hide)
        self._buttons = QWidget()
        buttons = QHBoxLayout(self._buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        for button in (self.offer, self._more, close):
            buttons.addWidget(button)
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._line.addWidget(self._text, 1)
        self._line.addWidget(self._buttons, 0, Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGINS)
        layout.addLayout(self._line)
        layout.addWidget(self._details)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell_error(
        self,
        error: TwinscopeError,
        theme: Theme,
        offer: tuple[str, Callable[[], object]] | None = None,
    ) -> None:
        """Tell what went wrong; `offer` is the title of a way out and what it does."""
        self._errors = [error]
        self._tell_errors(theme)
        if offer is not None:
            title, act = offer
            self._act = act
            self.offer.setText(title)
            self.offer.show()
            self._fit()  # less room is left beside it

    def tell_also(self, error: TwinscopeError, theme: Theme) -> None:
        """Tell of a further failure beside those that are on show."""
        self._errors = [error] if self.isHidden() else [*self._errors, error]
        self._tell_errors(theme)

    def tell(self, text: str, theme: Theme) -> None:
        self._errors = []
        self._tell(text, "", theme.accent, theme)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _tell_errors(self, theme: Theme) -> None:
        shown = self._errors[:_MOST_SENTENCES]
        sentences = ["⚠ " + visible(str(error)) for error in shown]
        more = len(self._errors) - len(shown)
        if more:
            sentences.append(self.tr("%n more: see the details", "", more))
        details = [error.detail for error in shown if error.detail]
        details += [str(error) for error in self._errors[_MOST_SENTENCES:]]
        self._tell("\n".join(sentences), "\n\n".join(details), theme.error, theme)

    def _tell(self, text: str, detail: str, edge: QColor, theme: Theme) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, _blend(edge, theme.panel, 0.15))
        self.setPalette(palette)
        self._text.setText(text)
        self._details.setPlainText(detail)
        self._more.setVisible(bool(detail))
        self._more.setChecked(False)
        self._details.hide()
        self.offer.hide()
        self.show()
        self._fit()

    def _fit(self) -> None:
        """As high as the wrapped text: what a label asks for by itself is for a narrower one.

        The buttons stand below a text that would be narrow beside them.
        """
        room = self.contentsRect().marginsRemoved(_MARGINS).width()
        beside = room - self._buttons.sizeHint().width() - self._line.spacing()
        is_narrow = beside < _NARROWEST_TEXT
        towards = (
            QBoxLayout.Direction.TopToBottom if is_narrow else QBoxLayout.Direction.LeftToRight
        )
        self._line.setDirection(towards)
        width = room if is_narrow else beside
        self._text.setMinimumHeight(0)  # else it asks for no less than it had
        self._text.setFixedHeight(max(self._text.heightForWidth(width), 1))

    def _take_offer(self) -> None:
        self.hide()
        self._act()


def _blend(over: QColor, under: QColor, share: float) -> QColor:
    return QColor.fromRgbF(
        over.redF() * share + under.redF() * (1 - share),
        over.greenF() * share + under.greenF() * (1 - share),
        over.blueF() * share + under.blueF() * (1 - share),
    )
