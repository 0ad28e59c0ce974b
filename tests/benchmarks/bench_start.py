"""Print how long the window takes to appear: ``python -m tests.benchmarks.bench_start``.

Each figure is the median of several starts of a process of its own, measured from before the
interpreter starts until the window has been painted once.
"""

import statistics
import subprocess
import sys
import tempfile
import time

STARTS = 7
BARE = "pass"
QT = "from PySide6.QtWidgets import QApplication; QApplication([])"
WINDOW = """
from PySide6.QtWidgets import QApplication
application = QApplication([])
from app.window.main_window import MainWindow
window = MainWindow()
window.show()
window.grab()
import os, sys
assert not {"torch", "tensorflow", "onnxruntime", "pyqtgraph"} & set(sys.modules)
os._exit(0)
"""


def median_ms(program: str) -> float:
    durations = []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(STARTS):
            begin = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", program],
                check=True,
                env={
                    "QT_QPA_PLATFORM": "offscreen",
                    "TWINSCOPE_HOME": home,
                    "PATH": "/usr/bin:/bin",
                },
            )
            durations.append(1000 * (time.perf_counter() - begin))
    return statistics.median(durations)


if __name__ == "__main__":
    for name, program in (("interpreter", BARE), ("empty Qt program", QT), ("window", WINDOW)):
        print(f"{name:<18}{median_ms(program):8.0f} ms")
