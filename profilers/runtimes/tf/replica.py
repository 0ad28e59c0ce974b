"""One of the processes of a run over several: ``python -m profilers.runtimes.tf.replica``.

Reads its part as one JSON line from stdin; writes progress, and what went wrong, as JSON lines.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from profilers.captures.tf.files import TRACE_FILE
from profilers.errors import CaptureFailed, TwinscopeError, first_line
from profilers.request import RunRequest

_SHORTEST_PROGRESS_GAP_S = 0.1
_PARTED = "Collective ops is aborted by:"  # of TensorFlow, followed by what parted the processes


class LineReporter:
    """A Reporter of JSON lines."""

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe
        self._told = ("", 0.0)

    def progress(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage != self._told[0] or now - self._told[1] > _SHORTEST_PROGRESS_GAP_S:
            self._told = (stage, now)
            self.send({"stage": stage, "fraction": fraction})

    def log(self, text: str) -> None:
        self.send({"log": text})

    @property
    def runs_alone(self) -> bool:
        return False

    def measuring(self, step: Callable[[], Any]) -> None:
        """The processes run in step: none of them can run further steps by itself."""

    def send(self, event: dict[str, Any]) -> None:
        print(json.dumps(event), file=self._pipe, flush=True)


def main() -> None:
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    reporter = LineReporter(pipe)
    part = json.loads(sys.stdin.readline())
    try:
        _run(part, reporter)
    except Exception as error:
        reporter.send(_told(error))
        os._exit(1)  # the others wait for this process, and would be waited for at the end
    reporter.send({"done": True})
    sys.stdin.read()  # the first process holds them together, and is not to go before the last
    os._exit(0)


def _told(error: Exception) -> dict[str, Any]:
    """The failure as an event; it `is_parted` where another process no longer answered this one."""
    origin = str(error.__cause__ or error)
    parted = next((line for line in origin.splitlines() if _PARTED in line), "")
    failure = error
    if parted or not isinstance(error, TwinscopeError):
        why = parted.partition(_PARTED)[2].strip() or first_line(error)
        failure = CaptureFailed("A replica failed", why, "", traceback.format_exc())
    assert isinstance(failure, TwinscopeError)
    return {
        "kind": type(failure).__name__,
        "what": failure.what,
        "why": failure.why,
        "remedy": failure.remedy,
        "detail": failure.detail,
        "is_parted": bool(parted),
    }


def _run(part: dict[str, Any], reporter: LineReporter) -> None:
    index, folder = part["index"], Path(part["folder"])
    cluster = {"cluster": {"worker": part["addresses"]}, "task": {"type": "worker", "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    import keras
    import tensorflow as tf

    from profilers.runtimes.tf.distributed import load_in
    from profilers.runtimes.tf.session import run_traced

    ring = tf.distribute.experimental.CommunicationImplementation.RING
    strategy = tf.distribute.MultiWorkerMirroredStrategy(
        communication_options=tf.distribute.experimental.CommunicationOptions(implementation=ring)
    )
    request = RunRequest.from_json(part["request"])
    framework = f"MultiWorkerMirroredStrategy of TensorFlow {tf.__version__}"
    record = run_traced(request, folder, reporter, framework, partial(load_in, strategy))
    record.facts["Keras"] = keras.__version__
    record.write(folder)
    _name_host(folder / TRACE_FILE, f"worker {index}")


def _name_host(trace: Path, name: str) -> None:
    """All processes of a machine would go by the machine's name."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(trace.read_bytes())
    del space.hostnames[:]
    space.hostnames.append(name)
    trace.write_bytes(space.SerializeToString())


if __name__ == "__main__":
    main()
