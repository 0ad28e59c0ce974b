"""The demo: the same small network built in PyTorch and in Keras, profiled side by side."""

import os
import subprocess
import sys
from pathlib import Path

from profilers.errors import ModeUnavailable
from profilers.installing import install_command
from profilers.request import InputSpec, RunRequest

DEMO_ROUNDS = (
    40  # of measuring both in turns, at most: a busy machine takes more until a fifth is seen
)
_BATCH = 8
_STEPS = 10
_MOST_THREADS = 4


def demo_requests(folder: Path) -> tuple[RunRequest, RunRequest]:
    """Build both models in `folder`, each in a process of its own, and say how to run them.

    One processor is left to the window and to whatever else runs: threads that wait for one that
    has to share its processor make times that say nothing of the model.

    Raises
    ------
    ModeUnavailable
        If a framework is missing.
    """
    threads = max(min((os.cpu_count() or 1) - 1, _MOST_THREADS), 1)
    torch_path = _build("torch_model", folder / "demo_torch.pt2")
    keras_path = _build("keras_model", folder / "demo_keras.keras")
    return (
        RunRequest(
            str(torch_path),
            "torch-export",
            inputs=(InputSpec("x", "float32", (_BATCH, 3, 64, 64)),),
            steps=_STEPS,
            threads=threads,
        ),
        RunRequest(
            str(keras_path),
            "keras",
            inputs=(InputSpec("x", "float32", (_BATCH, 64, 64, 3)),),
            steps=_STEPS,
            threads=threads,
        ),
    )


def _build(module: str, path: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", f"resources.demo.{module}", str(path)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModeUnavailable(
            "The demo could not be built",
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason given",
            f"It needs both frameworks: {install_command(['torch', 'tensorflow'])}.",
            done.stderr,
        )
    return path
