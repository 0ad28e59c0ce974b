"""Runs a TorchScript module, scripted or traced."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.script_graph import write_script_graph
from profilers.runtimes.torch_errors import load_failure
from profilers.runtimes.torch_session import WORKER_ENVIRONMENT, LoadedModel, run_model

__all__ = ["WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a TorchScript module's forward.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    return run_model(request, folder, report, _load)


def _load(request: RunRequest, device: Any) -> LoadedModel:
    import torch
    from torch.utils import _pytree as pytree

    load: Any = torch.jit.load  # has no type hints
    try:
        module = load(request.model_path, map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise load_failure(
            error, Path(request.model_path), "Save it again with torch.jit.save."
        ) from error

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        with torch.inference_mode():
            results = pytree.tree_leaves(module(*inputs))
        write_script_graph(module, [r for r in results if isinstance(r, torch.Tensor)], folder)

    return LoadedModel(module, module, write_graph, module)
