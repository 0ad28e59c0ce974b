"""Exports a pickled module or an exported program to ONNX, and runs it in ONNX Runtime."""

import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.ort import inference as onnxruntime_cpu
from profilers.runtimes.pytorch.device import device_named
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import conversion_failure
from profilers.runtimes.pytorch.imports import import_first
from profilers.runtimes.pytorch.options import IMPORTS, chosen
from profilers.runtimes.pytorch.programs import (
    Refusal,
    exported,
    is_program,
    load_program,
    refusal,
)
from profilers.runtimes.pytorch.session import WORKER_ENVIRONMENT

__all__ = ["WORKER_ENVIRONMENT", "run"]

_LARGEST_BYTES = 2_000_000_000  # a protobuf message holds no more than 2 GiB


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the ONNX model that torch.onnx makes of the program.

    A module that torch.export refuses is traced instead, as one run goes.

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
    request, loaded = _loaded(request)
    load_ns = time.perf_counter_ns() - begin
    report.progress("compile: torch.export traces the model", 0.0)
    source, refused = loaded.exported()
    with tempfile.TemporaryDirectory(prefix="twinscope-") as place:
        path = Path(place) / "model.onnx"
        report.progress("compile: torch.onnx writes the model", 0.5)
        _write_onnx(source, request, path)
        written_ns = time.perf_counter_ns() - begin
        record = _run(replace(request, model_path=str(path)), folder, report)
        record.artefact_bytes = sum(file.stat().st_size for file in Path(place).iterdir())
    record.request = replace(record.request, model_path=request.model_path)
    record.load_ns += load_ns
    record.compile_ns = written_ns - load_ns
    record.facts = {
        **record.facts,
        "Exported by": f"torch.onnx of PyTorch {torch.__version__}, by way of "
        + ("torch.jit.trace" if refused else "torch.export"),
    }
    for message, remedy in loaded.notes:
        record.warn(message, remedy)
    if refused:
        record.warn(
            f"torch.export cannot hold this model ({refused.why}), so it was traced: branches and "
            "loops are fixed as they went for these inputs.",
            refused.remedy,
        )
    return record


def _run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    try:
        return onnxruntime_cpu.run(request, folder, report)
    except CaptureFailed as error:
        name = Path(request.model_path).name  # a file that the person never saw
        raise CaptureFailed(
            error.what.replace(name, "what torch.onnx made of this model"),
            error.why,
            error.remedy or "Run it in another mode; torch.onnx may need a newer version.",
            error.detail,
        ) from error


@dataclass(frozen=True)
class _Source:
    """What torch.onnx takes: an exported program, or a module with its inputs."""

    model: Any
    inputs: tuple[Any, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()  # on how the module was made

    def exported(self) -> tuple["_Source", Refusal | None]:
        """As a program; the module itself where it cannot be one, and why."""
        if not self.inputs:
            return self, None
        try:
            return _Source(exported(self.model, self.inputs)), None
        except Exception as error:  # the model's own code runs under the tracer
            return self, refusal(error)


def _loaded(request: RunRequest) -> tuple[RunRequest, _Source]:
    """The model, and the request with its inputs as they are used."""
    device = device_named("cpu")
    if is_program(Path(request.model_path)):
        return request, _Source(load_program(request, device))
    model = load_module(request, device)
    request, inputs = model.settle_inputs(request, device)
    return request, _Source(model.owner, tuple(inputs), model.notes)


def _write_onnx(source: _Source, request: RunRequest, path: Path) -> None:
    import torch

    tensors = source.model.state_dict if not source.inputs else source.model.state_dict()
    weights = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                source.model,
                source.inputs,
                str(path),
                input_names=[spec.name for spec in request.inputs] or None,
                dynamo=not source.inputs,
                external_data=weights > _LARGEST_BYTES,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its parts raise
        raise conversion_failure(
            "torch.onnx cannot write this model",
            error,
            "Run it as PyTorch eager; an operator that ONNX lacks needs a translation.",
        ) from error
