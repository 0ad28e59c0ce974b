"""The device that a PyTorch run uses: looked up, waited for, told of."""

import os
import platform
import re
from collections.abc import Callable
from typing import Any

from profilers.captures.pytorch.files import BLAS
from profilers.errors import ModeUnavailable
from profilers.request import RunRequest
from profilers.runtimes.pytorch.errors import first_line


def device_named(name: str) -> Any:
    """The torch.device of that name.

    Raises
    ------
    ModeUnavailable
        If there is none.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModeUnavailable(f"There is no device {name!r}", first_line(error)) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModeUnavailable(
            f"PyTorch cannot run on {name}",
            f"it sees {torch.cuda.device_count()} CUDA devices",
            "Choose the device cpu, or install a CUDA build of PyTorch.",
        )
    return device


def waited_for(step: Callable[[], None], device: Any) -> Callable[[], None]:
    """The step, returning only when what it queued on the device is done."""
    import torch

    if device.type != "cuda":
        return step

    def synchronised() -> None:
        step()
        torch.cuda.synchronize(device)

    return synchronised


def profiled_activities(device: Any) -> list[Any]:
    """What torch.profiler is to record."""
    from torch.profiler import ProfilerActivity

    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    return activities


def machine_facts(request: RunRequest) -> dict[str, str]:
    """Label to text: versions, device, host, threads."""
    import torch

    facts = {
        "PyTorch": torch.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
        "Device": request.device,
        "Threads": f"{torch.get_num_threads()} of {os.cpu_count()}",
        "oneDNN": "on" if torch.backends.mkldnn.enabled else "off",
    }
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    if blas:
        facts[BLAS] = {"mkl": "MKL", "open": "OpenBLAS"}.get(blas[1], blas[1])
    if request.device.startswith("cuda"):
        cudnn: Any = torch.backends.cudnn  # has no type hints
        properties = torch.cuda.get_device_properties(request.device)
        facts["GPU"] = (
            f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, compute capability "
            f"{properties.major}.{properties.minor}"
        )
        facts["CUDA"] = str(torch.version.cuda)
        facts["cuDNN"] = str(cudnn.version())
        facts["TF32"] = torch.get_float32_matmul_precision()
    return facts
