"""Write cnn, block, control and resnet as the PyTorch exporter does: ``build_onnx OUT``."""

import contextlib
import io
import logging
import sys
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
import torch_zoo


def export(model: nn.Module, example: Tensor, *, optimize: bool = False) -> onnx.ModelProto:
    """By default without the exporter's own optimiser: batch norm and constants are left to fold."""
    with contextlib.redirect_stdout(io.StringIO()):
        program = torch.onnx.export(model.eval(), (example,), dynamo=True, optimize=optimize)
    assert program is not None
    return program.model_proto


def main(out: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    cnn = export(torch_zoo.Cnn(), torch.randn(1, 3, 32, 32))
    onnx.save(cnn, out / "cnn.onnx")
    onnx.save(
        export(torch_zoo.Block(), torch.randint(0, 100, (1, 16))),
        out / "block.onnx",
    )
    onnx.save(export(torch_zoo.ExportedControl(), torch.randn(1, 16)), out / "control.onnx")
    image = torch.randn(1, 3, 64, 64)
    resnet = torch_zoo.ResNet()
    onnx.save(export(resnet, image, optimize=True), out / "resnet.onnx")
    onnx.save(export(resnet.half(), image.half(), optimize=True), out / "resnet_half.onnx")
    onnx.save(
        cnn,
        out / "cnn_external.onnx",
        save_as_external_data=True,
        location="cnn_external.data",
        size_threshold=0,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
