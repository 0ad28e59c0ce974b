"""Runs a TorchScript module, scripted or traced."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.script_graph import write_executed_graph, write_script_graph
from profilers.runtimes.torch_errors import load_failure
from profilers.runtimes.torch_options import FUSER, OPTIMISE, chosen
from profilers.runtimes.torch_session import WORKER_ENVIRONMENT, LoadedModel, run_model

__all__ = ["WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a TorchScript module's forward.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    fuser = chosen(request.options, FUSER)
    with _fuser(fuser):
        record = run_model(request, folder, report, _load)
    _tell_interpreted(record, fuser)
    return record


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

    last_executed: Any = torch.jit.last_executed_optimized_graph  # type: ignore[attr-defined]
    optimised = _optimised(module, chosen(request.options, OPTIMISE))

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        with torch.inference_mode():
            optimised(*inputs)
            executed = last_executed()
            results = pytree.tree_leaves(module(*inputs))
        write_script_graph(module, [r for r in results if isinstance(r, torch.Tensor)], folder)
        write_executed_graph(module, executed, folder)

    return LoadedModel(optimised, optimised, write_graph, module)


def _optimised(module: Any, how: str) -> Any:
    """The module with constants folded, or the module itself."""
    import torch

    ways: dict[str, Any] = {
        "freeze": torch.jit.freeze,
        "inference": torch.jit.optimize_for_inference,
    }
    return ways[how](module) if how in ways else module


@contextmanager
def _fuser(wanted: str) -> Iterator[None]:
    """NNC on or off on every device while it lasts; "default" leaves it as PyTorch has it."""
    import torch

    switches: Any = torch._C  # these have no type hints
    before = (
        switches._jit_texpr_fuser_enabled(),
        switches._jit_can_fuse_on_cpu(),
        switches._jit_can_fuse_on_gpu(),
        switches._jit_get_te_must_use_llvm_cpu(),
    )
    is_on = wanted == "nnc"
    try:
        if wanted != "default":
            _switch(switches, is_on, is_on, is_on, before[3] and not is_on)
        yield
    finally:
        _switch(switches, *before)


def _switch(switches: Any, fuser: bool, cpu: bool, gpu: bool, needs_llvm: bool) -> None:
    switches._jit_set_texpr_fuser_enabled(fuser)
    switches._jit_override_can_fuse_on_cpu(cpu)
    switches._jit_override_can_fuse_on_gpu(gpu)
    switches._jit_set_te_must_use_llvm_cpu(needs_llvm)


def _tell_interpreted(record: RunRecord, fuser: str) -> None:
    import torch

    if fuser == "nnc" and record.request.device == "cpu" and not torch._C._llvm_enabled():
        record.warn(
            "This build of PyTorch has no LLVM, so NNC interprets its fused kernels on the CPU: they "
            "take far longer than compiled ones would.",
            "Read what is fused, not how long it takes; torch.compile generates kernels here.",
        )
