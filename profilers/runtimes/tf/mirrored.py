"""Runs a Keras model mirrored over several devices of this machine, in one process."""

import itertools
import os
from functools import partial
from pathlib import Path
from typing import Any

from profilers.errors import ModeUnavailable
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf import session as tf_session
from profilers.runtimes.tf.distributed import load_in
from profilers.runtimes.tf.options import MOST_REPLICAS, REPLICAS
from profilers.runtimes.tf.session import run_traced

# A process of its own: the devices must be declared before TensorFlow starts.
WORKER_ENVIRONMENT = {
    **tf_session.WORKER_ENVIRONMENT,
    "TWINSCOPE_LOGICAL_CPUS": str(MOST_REPLICAS),
}

_key_bases = itertools.count(0, 1_000_000)


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture one step over `replicas` GPUs, or over as many logical devices of the CPU.

    Raises
    ------
    ModeUnavailable
        If there are fewer GPUs than replicas.
    TwinscopeError
        As `profilers.runtimes.keras.on_tf.run`.
    """
    import keras
    import tensorflow as tf

    _declare_cpus(int(os.environ["TWINSCOPE_LOGICAL_CPUS"]))
    count = int(request.options[REPLICAS.id])
    strategy = _strategy(_devices(request.device, count))
    framework = f"MirroredStrategy of TensorFlow {tf.__version__}"
    record = run_traced(request, folder, report, framework, partial(load_in, strategy))
    record.facts |= {"Keras": keras.__version__, "Replicas": str(count)}
    record.extra["replicas"] = count
    return record


def _strategy(devices: list[str]) -> Any:
    """TensorFlow knows reductions by their number, also those of earlier models of this process."""
    import tensorflow as tf

    class Mirrored(tf.distribute.MirroredStrategy):  # type: ignore[misc]
        _collective_key_base = next(_key_bases)

    return Mirrored(devices)


def _declare_cpus(count: int) -> None:
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    if tf.config.get_logical_device_configuration(cpu) is None:
        one = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [one] * count)


def _devices(device: str, count: int) -> list[str]:
    import tensorflow as tf

    kind = "GPU" if device.startswith("cuda") else "CPU"
    found: list[Any] = tf.config.list_logical_devices(kind)
    if len(found) < count:
        raise ModeUnavailable(
            f"TensorFlow cannot mirror the model over {count} {kind}s",
            f"it sees {len(found)}",
            "Choose fewer replicas, or the device cpu.",
        )
    return [f"{kind}:{number}" for number in range(count)]
