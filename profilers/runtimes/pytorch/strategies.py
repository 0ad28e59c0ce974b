"""The ways in which torch.distributed spreads a model over ranks."""

from collections.abc import Callable, Mapping
from typing import Any

from profilers.errors import TwinscopeError
from profilers.runtimes.pytorch.options import UNUSED_WEIGHTS, chosen


def ddp(model: Any, device: Any, options: Mapping[str, Any], leaves_out: bool) -> Any:
    """Every rank holds the whole model; gradients are averaged while backward runs.

    Parameters
    ----------
    leaves_out : bool
        Whether steps leave weights out, as `leaves_weights_out` finds.
    """
    from torch.nn.parallel import DistributedDataParallel

    devices = [device] if device.type == "cuda" else None
    unused = chosen(options, UNUSED_WEIGHTS)
    wrapped: Any = DistributedDataParallel(
        model,
        device_ids=devices,
        find_unused_parameters=unused == "yes" or (unused == "auto" and leaves_out),
    )
    return wrapped


def fsdp(model: Any, device: Any, options: Mapping[str, Any], leaves_out: bool) -> Any:
    """Every rank holds a share of each weight; blocks are gathered when they are needed."""
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    shard: Callable[..., Any] = fully_shard
    try:
        for block in _blocks(model):
            shard(block, mesh=mesh)
        return shard(model, mesh=mesh)
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise TwinscopeError(
            "FSDP cannot shard this model",
            str(error).strip().splitlines()[0],
            "Choose the strategy ddp.",
        ) from error


WRAPPERS: dict[str, Callable[[Any, Any, Mapping[str, Any], bool], Any]] = {
    "ddp": ddp,
    "fsdp": fsdp,
}


def leaves_weights_out(model: Any, step: Callable[[], None]) -> bool:
    """Whether a step leaves out weights that take a gradient, on some rank; all ranks must ask."""
    import torch
    from torch import distributed

    reached: set[int] = set()
    weights = [each for each in model.parameters() if each.requires_grad]
    hooks = [
        each.register_post_accumulate_grad_hook(lambda weight: reached.add(id(weight)))
        for each in weights
    ]
    try:
        step()
    finally:
        for hook in hooks:
            hook.remove()
    left = torch.tensor([len(reached) < len(weights)], dtype=torch.int32)
    distributed.all_reduce(left, distributed.ReduceOp.MAX)
    return bool(left)


def local_share(model: Any) -> dict[str, float]:
    """The part of each parameter that this rank holds, 0 to 1."""
    return {name: _share(each) for name, each in model.named_parameters()}


def gathered_together(model: Any) -> dict[str, list[str]]:
    """Names of the parameters that FSDP gathers at once, in its order, by the path of their module."""
    from torch.distributed.fsdp import FSDPModule

    units = [path for path, module in model.named_modules() if isinstance(module, FSDPModule)]
    found: dict[str, list[str]] = {path: [] for path in units}
    for name, _ in model.named_parameters():
        around = [path for path in units if not path or name.startswith(f"{path}.")]
        if around:
            found[max(around, key=len)].append(name)
    return found


def bucket_bytes(call: Any) -> dict[str, int]:
    """What DDP holds, all the time, to average the gradient of each parameter in."""
    from torch.nn.parallel import DistributedDataParallel

    if not isinstance(call, DistributedDataParallel):
        return {}
    return {
        name: each.numel() * each.element_size()
        for name, each in call.module.named_parameters()
        if each.requires_grad
    }


def _share(parameter: Any) -> float:
    to_local = getattr(parameter, "to_local", None)
    if to_local is None:
        return 1.0
    return float(to_local().numel() / max(parameter.numel(), 1))


def _blocks(model: Any) -> list[Any]:
    """Modules to shard one by one: what lists hold, such as layers, else children with weights.

    A weight that two of them share stays with the whole model.
    """
    from torch import nn

    listed = [
        child
        for module in model.modules()
        if isinstance(module, (nn.ModuleList, nn.Sequential))
        for child in module.children()
    ]
    found = [each for each in listed or model.children() if _has_weights(each)]
    found = [each for each in found if not isinstance(each, (nn.ModuleList, nn.ModuleDict))]
    inner_first = sorted(found, key=lambda each: sum(1 for _ in each.modules()))
    owners: dict[int, set[int]] = {}
    for number, each in enumerate(inner_first):
        for parameter in each.parameters():
            owners.setdefault(id(parameter), set()).add(number)
    is_nested = {n for numbers in owners.values() if len(numbers) > 1 for n in sorted(numbers)[:-1]}
    return [each for number, each in enumerate(inner_first) if number not in is_nested]


def _has_weights(module: Any) -> bool:
    return next(iter(module.parameters()), None) is not None
