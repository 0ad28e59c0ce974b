"""A start-up check for PySide6 builds that corrupt Python's reference counts."""

import sys

from PySide6 import __version__
from PySide6.QtCore import QObject, Signal

_CALLS = 50


class _Emitter(QObject):
    fired = Signal(bool)


def reference_count_fault() -> str:
    """One sentence if this PySide6 loses references to True or None, else "".

    PySide6 6.12.0 on Python older than 3.12 loses one per call and aborts the interpreter after some
    thousand calls.
    """
    emitter = _Emitter()
    emitter.fired.emit(True)
    before = (sys.getrefcount(True), sys.getrefcount(None))
    for _ in range(_CALLS):
        emitter.fired.emit(True)
        emitter.setObjectName("x")
    after = (sys.getrefcount(True), sys.getrefcount(None))
    if all(late > early - _CALLS // 2 for early, late in zip(before, after, strict=True)):
        return ""
    return (
        f"PySide6 {__version__} corrupts Python {sys.version.split()[0]} and would crash: "
        "install another version, for example pip install 'PySide6_Essentials==6.11.3'."
    )
