"""What may make a TorchScript module faster: NNC's kernels, frozen weights, oneDNN's convolutions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from profilers.errors import TwinscopeError
from profilers.run_record import RunRecord
from profilers.runtimes.pytorch.errors import first_line


def optimised(module: Any, how: str) -> Any:
    """The module with constants folded, or the module itself.

    Raises
    ------
    TwinscopeError
        If TorchScript refuses.
    """
    import torch

    ways: dict[str, Any] = {
        "freeze": torch.jit.freeze,
        "inference": torch.jit.optimize_for_inference,
    }
    try:
        return ways[how](module) if how in ways else module
    except RuntimeError as error:
        raise TwinscopeError(
            "TorchScript cannot optimise this module",
            first_line(error),
            "Run it with the option Optimise off.",
        ) from error


def executed_graphs(module: Any) -> tuple[Any, list[Any]]:
    """What the module just executed, and what it executed of each graph that it differentiates."""
    import torch

    last_executed: Any = torch.jit.last_executed_optimized_graph  # type: ignore[attr-defined]
    if not torch.is_grad_enabled():
        return last_executed(), []
    *_, plan = module.get_debug_state().execution_plans.values()
    states = plan.code.differentiable_op_executor_states()
    plans = [list(state.execution_plans.values()) for state in states]
    return plan.graph, [each[-1].graph for each in plans if each]


@contextmanager
def fusing(wanted: str) -> Iterator[None]:
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


def tell_interpreted(record: RunRecord, fuser: str) -> None:
    import torch

    if fuser == "nnc" and record.request.device == "cpu" and not torch._C._llvm_enabled():
        record.warn(
            "This build of PyTorch has no LLVM, so NNC interprets its fused kernels on the CPU: they "
            "take far longer than compiled ones would.",
            "Read what is fused, not how long it takes; torch.compile generates kernels here.",
        )
