"""Write models of five kinds in every PyTorch format that holds them: ``build_torch_kinds OUT [NAME...]``.

Files are NAME.pt (pickled), NAME.pt2 (exported) and NAME.ts.pt (TorchScript). What a format cannot
hold is left out, with a line that says why.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import matching_torch
import torch_zoo

from profilers.request import InputSpec

KINDS: dict[str, tuple[Callable[[], nn.Module], tuple[InputSpec, ...]]] = {
    "resnet50": (matching_torch.ResNet, (InputSpec("x", "float32", (1, 3, 64, 64)),)),
    "encoder12": (
        matching_torch.Encoder,
        (InputSpec("tokens", "int64", (1, 32), low=0, high=1000),),
    ),
    "decoder": (
        torch_zoo.Decoder,
        (
            InputSpec("token", "int64", (1, 1), low=0, high=500),
            InputSpec("position", "int64", (1,), low=8, high=64),
        ),
    ),
    "variable_lstm": (
        torch_zoo.VariableLstm,
        (
            InputSpec("words", "int64", (4, 20), low=0, high=200),
            InputSpec("lengths", "int64", (4,), low=1, high=21),
        ),
    ),
    "experts": (torch_zoo.Experts, (InputSpec("x", "float32", (1, 16, 32)),)),
}


def main(out: Path, wanted: list[str]) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in wanted or KINDS:
        make, specs = KINDS[name]
        torch.manual_seed(0)
        model, inputs = make().eval(), tuple(map(_example, specs))
        torch.save(model, out / f"{name}.pt")
        _try(partial(_export, model, inputs), out / f"{name}.pt2")
        _try(partial(_script, model), out / f"{name}.ts.pt")


def _export(model: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path) -> None:
    torch.export.save(torch.export.export(model, inputs, strict=False), path)


def _script(model: nn.Module, path: Path) -> None:
    torch.jit.script(model).save(str(path))


def _try(write: Callable[[Path], None], path: Path) -> None:
    try:
        write(path)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(f"{path.name} cannot be written: {lines[0]}")


def _example(spec: InputSpec) -> torch.Tensor:
    shape = tuple(int(size) for size in spec.shape)
    if spec.dtype == "int64":
        return torch.randint(int(spec.low or 0), int(spec.high or 2), shape)
    return torch.randn(shape)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
