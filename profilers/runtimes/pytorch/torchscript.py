"""Runs a TorchScript module, from a file or traced of a pickled module on the spot."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import conversion_failure, load_failure
from profilers.runtimes.pytorch.options import FUSER, OPTIMISE, chosen
from profilers.runtimes.pytorch.programs import is_script
from profilers.runtimes.pytorch.running import built_by, for_each_size, run_model
from profilers.runtimes.pytorch.saved_device import moved_here
from profilers.runtimes.pytorch.script_fuser import fusing, optimised, tell_interpreted
from profilers.runtimes.pytorch.script_graph import write_executed_graph, write_script_graph
from profilers.runtimes.pytorch.session import PRELOADED, WORKER_ENVIRONMENT, LoadedModel, Session

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a TorchScript module's forward; a pickled module is traced on the spot.

    Raises
    ------
    TrustRequired
        If nobody agreed to loading the pickle.
    TwinscopeError
        If it cannot be loaded, traced or run with the inputs.
    """
    fuser = chosen(request.options, FUSER)
    with fusing(fuser):
        record = _run(request, folder, report)
    tell_interpreted(record, fuser)
    return record


def _run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    if is_script(Path(request.model_path)):
        return run_model(request, folder, report, _load)
    return run_model(request, folder, report, load_module, built_by(for_each_size(_traced)))


def _load(request: RunRequest, device: Any) -> LoadedModel:
    import torch

    load: Any = torch.jit.load  # has no type hints
    try:
        module = load(request.model_path, map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise load_failure(
            error, Path(request.model_path), "Save it again with torch.jit.save."
        ) from error
    notes = moved_here(Path(request.model_path), device)
    return replace(_script_model(module, request), notes=notes)


def _traced(model: LoadedModel, session: Session) -> LoadedModel:
    """What one run of the module did, which is what it does from now on."""
    import torch

    trace: Any = torch.jit.trace  # has no type hints
    try:
        with torch.no_grad(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            module = trace(model.owner, tuple(session.inputs), check_trace=False, strict=False)
    except Exception as error:  # the model's own code runs under the tracer
        raise conversion_failure(
            "torch.jit.trace cannot follow this model",
            error,
            "Run it as PyTorch eager, or save it with torch.jit.script.",
        ) from error
    fixed = [each for each in told if each.category.__name__ == "TracerWarning"]
    if fixed:
        places = ", ".join(dict.fromkeys(f"{Path(w.filename).name}:{w.lineno}" for w in fixed))
        session.record.warn(
            f"Tracing fixed what depends on the data as it went for these inputs ({places}); other "
            "inputs would go another way in the module itself.",
            "Save the module with torch.jit.script to keep branches and loops.",
        )
    return _script_model(module, session.request)


def _script_model(module: Any, request: RunRequest) -> LoadedModel:
    import torch
    from torch.utils import _pytree as pytree

    last_executed: Any = torch.jit.last_executed_optimized_graph  # type: ignore[attr-defined]
    ran = optimised(module, chosen(request.options, OPTIMISE))

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        with torch.inference_mode():
            ran(*inputs)
            executed = last_executed()
            results = pytree.tree_leaves(module(*inputs))
        write_script_graph(module, [r for r in results if isinstance(r, torch.Tensor)], folder)
        write_executed_graph(module, executed, folder)

    return LoadedModel(ran, ran, write_graph, module)
