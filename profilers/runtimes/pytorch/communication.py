"""Where the ranks of a distributed run compute, and what carries their collectives."""

from dataclasses import dataclass

_GLOO = "gloo"
_NCCL = "cpu:gloo,cuda:nccl"  # the ranks compare their clocks on the host


@dataclass(frozen=True)
class Communication:
    """Attributes
    ----------
    device : str
        Where all ranks compute: "cpu", or "cuda", of which each rank has one of its own.
    backend : str
        As ``torch.distributed.init_process_group`` takes it.
    told : str
        One sentence for people.
    is_as_asked : bool
        Whether the ranks run on the kind of device that was asked for.
    """

    device: str
    backend: str
    told: str
    is_as_asked: bool = True


def communication_for(device: str, ranks: int, gpus: int, *, has_nccl: bool) -> Communication:
    """NCCL where each rank has a GPU of its own, since two cannot share one; else gloo on the CPU.

    Parameters
    ----------
    device : str
        As the person asked: "cpu", "cuda", "cuda:0".
    gpus : int
        CUDA devices that PyTorch sees.
    """
    if not device.startswith("cuda"):
        told = f"{_ranks(ranks)} on the CPU, over gloo."
        return Communication("cpu", _GLOO, told, device == "cpu")
    if has_nccl and gpus >= ranks:
        own = device if ranks == 1 else "cuda"
        return Communication(own, _NCCL, f"{_ranks(ranks)} with a GPU each, over NCCL.")
    lack = (
        f"there {_are(gpus)}, and NCCL needs one for each rank"
        if has_nccl
        else "this build of PyTorch has no NCCL"
    )
    return Communication("cpu", _GLOO, f"{_ranks(ranks)} on the CPU, over gloo: {lack}.", False)


def _ranks(count: int) -> str:
    return f"{count} ranks" if count > 1 else "1 rank"


def _are(gpus: int) -> str:
    return f"are {gpus} GPUs" if gpus != 1 else "is 1 GPU"
