"""Write architectures that have twins elsewhere: ``build_matching_torch OUT [NAME...]``.

Files are NAME.pt2 (exported), NAME.pt (pickled), NAME.ts.pt (TorchScript) and NAME.onnx; a name
asks for one of them, no name for all.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
import matching_torch
from build_onnx import export

_IMAGE, _LARGE, _WHOLE, _TOKENS, _BATCH, _WORDS = (
    lambda: torch.randn(1, 3, 32, 32),
    lambda: torch.randn(1, 3, 64, 64),
    lambda: torch.randn(1, 3, 224, 224),
    lambda: torch.randint(0, 1000, (1, 32)),
    lambda: torch.randint(0, 1000, (16, 32)),
    lambda: torch.randint(0, 500, (1, 20)),
)
MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor], str]] = {
    "resnet": (matching_torch.ResNet, _IMAGE, "pt2 pt ts.pt onnx"),
    "resnet_whole": (matching_torch.ResNet, _WHOLE, "pt onnx"),
    "resnet_added": (matching_torch.added, _IMAGE, "pt2"),
    "resnet_removed": (matching_torch.removed, _IMAGE, "pt2"),
    "resnet_widened": (matching_torch.widened, _IMAGE, "pt2"),
    "encoder": (matching_torch.Encoder, _TOKENS, "pt2 pt ts.pt onnx"),
    "encoder_batch": (matching_torch.Encoder, _BATCH, "pt onnx"),
    "encoder_joint": (
        lambda: matching_torch.Encoder(matching_torch.JointAttention),
        _TOKENS,
        "pt2 onnx",
    ),
    "encoder_packed": (matching_torch.PackedEncoder, _TOKENS, "pt2 pt onnx"),
    "mobilenet": (matching_torch.MobileNet, _LARGE, "pt2 onnx"),
    "unet": (matching_torch.UNet, _LARGE, "pt2 onnx"),
    "lstm": (matching_torch.Lstm, _WORDS, "pt2 pt onnx"),
}


def main(out: Path, wanted: list[str]) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name, (make, example, endings) in MODELS.items():
        files = [f"{name}.{ending}" for ending in endings.split()]
        files = [file for file in files if not wanted or file in wanted]
        if files:
            torch.manual_seed(0)
            model, given = make().eval(), example()
            for file in files:
                write(model, given, out / file)


def write(model: nn.Module, given: Tensor, path: Path) -> None:
    if path.name.endswith(".ts.pt"):
        torch.jit.script(model).save(str(path))
    elif path.suffix == ".pt":
        torch.save(model, path)
    elif path.suffix == ".onnx":
        onnx.save(export(model, given, optimize=False), path)
    else:
        torch.export.save(torch.export.export(model, (given,)), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
