"""Whether what Inductor generates code for is here and works."""

from profilers.request import RunRequest
from profilers.runtimes import RunMode, mode_named
from profilers.runtimes.build_tools import Lack, cpp_lacks, no_cpp_compiler
from profilers.runtimes.pytorch.errors import chain_of


def require_code_generator(request: RunRequest) -> None:
    """Refuse to begin where Inductor lacks what it generates code for.

    Raises
    ------
    ModeUnavailable
        Naming what is missing and who brings it.
    """
    mode = mode_named(request.mode)
    if mode is None:
        return
    obstacle = mode.obstacle(request.device)
    if obstacle:
        raise obstacle
    if request.device.startswith("cuda"):
        _require_triton(mode)
    else:
        _require_cpp_compiler(mode)


def lacking_compiler(error: BaseException, device: str) -> Lack | None:
    """What a failure says of the C++ compiler, if that is why code was not generated.

    A model on a GPU runs without one until a part of its graph is on the CPU. Inductor tells it by an
    exception of its own, which others may wrap, or as an operator that is not implemented.
    """
    texts = [f"{type(each).__name__}: {each}" for each in chain_of(error)]
    if any("InvalidCxxCompiler" in text for text in texts):
        return cpp_lacks() or no_cpp_compiler("does not start")
    is_unclear = any("LoweringException: NotImplementedError" in text for text in texts)
    return cpp_lacks() if is_unclear and device.startswith("cuda") else None


def _require_triton(mode: RunMode) -> None:
    from torch.utils._triton import has_triton

    if not has_triton():
        raise mode.refusal(
            Lack(
                "Triton, which Inductor generates kernels of a GPU for, does not take this one",
                "Install a Triton for this GPU and this version of PyTorch.",
            )
        )


def _require_cpp_compiler(mode: RunMode) -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError) as error:
        raise mode.refusal(no_cpp_compiler("does not start")) from error
