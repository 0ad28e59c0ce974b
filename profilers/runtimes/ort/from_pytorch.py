"""Exports a pickled module or an exported program to ONNX, and runs it in ONNX Runtime."""

import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.inputs import Array, make_inputs
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.ort import inference as onnxruntime_cpu
from profilers.runtimes.ort.kept_exports import KeptExports
from profilers.runtimes.pytorch.device import device_named
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import conversion_failure, root_cause
from profilers.runtimes.pytorch.imports import import_first
from profilers.runtimes.pytorch.options import IMPORTS, chosen
from profilers.runtimes.pytorch.other_sizes import refitted
from profilers.runtimes.pytorch.outputs import tensors_alone
from profilers.runtimes.pytorch.programs import (
    Refusal,
    exported,
    is_program,
    load_program,
    refusal,
)
from profilers.runtimes.pytorch.session import WORKER_ENVIRONMENT
from profilers.runtimes.sweep import SizedRun, measure_sweep

__all__ = ["WORKER_ENVIRONMENT", "run"]

_LARGEST_BYTES = 2_000_000_000  # a protobuf message holds no more than 2 GiB

_kept = KeptExports()


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
    torch.manual_seed(request.seed)  # as the other modes do, for weights that are made at random
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
        # A program takes the sizes that it was exported for; a module is exported again for others.
        swept = request.sweep if loaded.is_program else {}
        converted = replace(request, model_path=str(path), sweep=swept)
        record = _run(converted, loaded.arrays(request.inputs), folder, report, loaded.remedy())
        record.artefact_bytes = sum(file.stat().st_size for file in Path(place).iterdir())
        if request.sweep and not loaded.is_program:
            with _kept.place_for(request) as kept:
                shutil.copytree(place, kept.parent, dirs_exist_ok=True)
    record.request = replace(record.request, model_path=request.model_path, sweep=request.sweep)
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
    if request.sweep and not loaded.is_program:
        measure_sweep(record, report, partial(_sized, record.request, loaded))
    return record


def _sized(
    request: RunRequest, loaded: "_Source", inputs: tuple[InputSpec, ...], report: Reporter
) -> SizedRun:
    """A step of the module exported for inputs of other sizes."""
    request = replace(request, inputs=inputs, inputs_file="")
    loaded = replace(loaded, inputs=tuple(refitted(loaded.inputs, inputs)))
    with _kept.place_for(request) as path:
        if not path.exists():
            _export(request, loaded, path, report)
        return onnxruntime_cpu.sized_run(
            replace(request, model_path=str(path)), loaded.arrays(inputs) or make_inputs(request)
        )


def _export(request: RunRequest, loaded: "_Source", path: Path, report: Reporter) -> None:
    report.progress("torch.export traces the model", 0.0)
    source, _ = loaded.exported()
    report.progress("torch.onnx writes the model", 0.5)
    _write_onnx(source, request, path)


def _run(
    request: RunRequest,
    arrays: dict[str, Array] | None,
    folder: Path,
    report: Reporter,
    remedy: str,
) -> RunRecord:
    try:
        return onnxruntime_cpu.run_with(request, arrays, folder, report)
    except CaptureFailed as error:
        name = Path(request.model_path).name  # a file that the person never saw
        raise CaptureFailed(
            error.what.replace(name, "what torch.onnx made of this model"),
            error.why,
            remedy
            or error.remedy
            or "Run it in another mode; torch.onnx may need a newer version.",
            error.detail,
        ) from error


@dataclass(frozen=True)
class _Source:
    """What torch.onnx takes: an exported program, or a module with its inputs."""

    model: Any
    inputs: tuple[Any, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()  # on how the module was made

    @property
    def is_program(self) -> bool:
        return not self.inputs

    @property
    def weights(self) -> Mapping[str, Any]:
        """Also what is no tensor: quantised modules keep their types there as well."""
        found: Mapping[str, Any] = (
            self.model.state_dict if self.is_program else self.model.state_dict()
        )
        return found

    def arrays(self, inputs: Sequence[InputSpec]) -> dict[str, Array] | None:
        """What the module takes, by name; None where numpy has no such type, or it is a program."""
        import torch

        if self.is_program or any(each.dtype is torch.bfloat16 for each in self.inputs):
            return None
        named = zip(inputs, self.inputs, strict=True)
        return {spec.name: tensor.detach().numpy() for spec, tensor in named}

    def remedy(self) -> str:
        """What helps where ONNX Runtime does not take the model for its weights' type; "" if sound."""
        import torch

        found = [getattr(each, "dtype", None) for each in (*self.weights.values(), *self.inputs)]
        if torch.bfloat16 not in found:
            return ""
        return (
            "ONNX Runtime computes little in bfloat16: give the model weights and inputs of float16 "
            "(module.half()) or float32 (module.float()), or run it in another of PyTorch's modes."
        )

    def exported(self) -> tuple["_Source", Refusal | None]:
        """As a program; the module itself where it cannot be one, and why."""
        if self.is_program:
            return self, None
        try:
            return _Source(_program_of_tensors(self.model, self.inputs)), None
        except Exception as error:  # the model's own code runs under the tracer
            return self, refusal(error)


def _program_of_tensors(module: Any, inputs: tuple[Any, ...]) -> Any:
    """A program whose results are tensors alone: ONNX knows no others."""
    from torch.export.graph_signature import ConstantArgument

    program = exported(module, inputs)
    results = program.graph_signature.output_specs
    if not any(isinstance(each.arg, ConstantArgument) for each in results):
        return program
    with tensors_alone(module):
        return exported(module, inputs)


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

    weights = sum(
        each.numel() * each.element_size()
        for each in source.weights.values()
        if isinstance(each, torch.Tensor)
    )
    flat = nullcontext() if source.is_program else tensors_alone(source.model)
    try:
        with torch.no_grad(), flat, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                source.model,
                source.inputs,
                str(path),
                input_names=[spec.name for spec in request.inputs] or None,
                dynamo=source.is_program,
                external_data=weights > _LARGEST_BYTES,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its parts raise
        raise conversion_failure(
            "torch.onnx cannot write this model",
            root_cause(error),
            "Run it as PyTorch eager; an operator that ONNX lacks needs a translation.",
        ) from error
