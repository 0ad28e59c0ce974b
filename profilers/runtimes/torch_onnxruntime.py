"""Exports a pickled module or an exported program to ONNX, and runs it in ONNX Runtime."""

import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes import onnxruntime_cpu
from profilers.runtimes.measure import Reporter
from profilers.runtimes.torch_device import device_named
from profilers.runtimes.torch_eager import load_module, require_trust
from profilers.runtimes.torch_errors import first_line
from profilers.runtimes.torch_imports import import_first
from profilers.runtimes.torch_inputs import input_tensors
from profilers.runtimes.torch_options import IMPORTS, chosen
from profilers.runtimes.torch_programs import export_failure, exported, is_program, load_program
from profilers.runtimes.torch_session import WORKER_ENVIRONMENT

__all__ = ["WORKER_ENVIRONMENT", "run"]

_LARGEST_BYTES = 2_000_000_000  # a protobuf message holds no more than 2 GiB


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the ONNX model that torch.onnx makes of the program.

    Raises
    ------
    TrustRequired
        If nobody agreed to loading the pickle.
    CaptureFailed
        If the model cannot be exported, or ONNX Runtime does not take what it became.
    """
    import torch

    report.progress("load", 0.0)
    import_first(chosen(request.options, IMPORTS), request.source_folder)
    begin = time.perf_counter_ns()
    program = _program(request, report)
    loaded = time.perf_counter_ns()
    with tempfile.TemporaryDirectory(prefix="twinscope-") as place:
        path = Path(place) / "model.onnx"
        report.progress("compile: torch.onnx writes the model", 0.5)
        _write_onnx(program, request, path)
        written = time.perf_counter_ns()
        record = onnxruntime_cpu.run(replace(request, model_path=str(path)), folder, report)
    record.request = replace(record.request, model_path=request.model_path)
    record.load_ns += loaded - begin
    record.compile_ns = written - loaded
    record.facts = {
        **record.facts,
        "Exported by": f"torch.onnx of PyTorch {torch.__version__}, by way of torch.export",
    }
    return record


def _program(request: RunRequest, report: Reporter) -> Any:
    device = device_named("cpu")
    if is_program(Path(request.model_path)):
        return load_program(request, device)
    require_trust(request)
    module = load_module(request, device).owner
    inputs = input_tensors(request, device)
    report.progress("compile: torch.export traces the model", 0.0)
    try:
        return exported(module, inputs)
    except Exception as error:  # the model's own code runs under the tracer
        raise export_failure(error, "Run it as PyTorch eager or compiled.") from error


def _write_onnx(program: Any, request: RunRequest, path: Path) -> None:
    import torch

    weights = sum(tensor.numel() * tensor.element_size() for tensor in program.state_dict.values())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                program,
                (),
                str(path),
                input_names=[spec.name for spec in request.inputs] or None,
                dynamo=True,
                external_data=weights > _LARGEST_BYTES,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its parts raise
        raise CaptureFailed(
            "torch.onnx cannot write this model",
            f"{type(error).__name__}: {first_line(error)}",
            "Run it as PyTorch exported program; an operator that ONNX lacks needs a translation.",
        ) from error
