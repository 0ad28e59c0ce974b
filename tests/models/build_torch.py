"""Write cnn, block and control in every PyTorch format: ``build_torch OUT``."""

import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
import torch_zoo


def example(name: str) -> tuple[Tensor, ...]:
    """Inputs that the model takes."""
    if name == "block":
        return (torch.randint(0, 100, (1, 16)),)
    shapes = {
        "cnn": [(1, 3, 32, 32)],
        "control": [(1, 16)],
        "resnet": [(1, 3, 64, 64)],
        "lstm": [(1, 20, 16)],
        "branches": [(1, 32), (1, 32)],
        "product": [(32, 4)],
    }
    return tuple(torch.randn(shape) for shape in shapes[name])


def save_runnable(name: str, model: nn.Module, exportable: nn.Module, out: Path) -> None:
    """Pickled module, exported program and TorchScript."""
    torch.save(model, out / f"{name}.pt")
    torch.export.save(torch.export.export(exportable, example(name)), out / f"{name}.pt2")
    torch.jit.script(model).save(str(out / f"{name}.ts.pt"))


def save_weights(name: str, model: nn.Module, out: Path) -> None:
    torch.save(model.state_dict(), out / f"{name}_state.pt")
    save_file(model.state_dict(), out / f"{name}.safetensors")


def main(out: Path) -> None:
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    control = torch_zoo.Control().eval()
    exported_control = torch_zoo.ExportedControl().eval()
    exported_control.load_state_dict(control.state_dict())
    models = {
        "cnn": (torch_zoo.Cnn().eval(),) * 2,
        "block": (torch_zoo.Block().eval(),) * 2,
        "control": (control, exported_control),
    }
    layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
    encoder = nn.Sequential(nn.Embedding(100, 32), nn.TransformerEncoder(layer, 2)).eval()
    torch.save(encoder, out / "encoder.pt")  # eager mode runs each layer as one fused operator
    torch.save(torch_zoo.RefusesCompiler().eval(), out / "refuses_compiler.pt")
    tied = torch_zoo.Tied().eval()
    torch.save(tied, out / "tied.pt")
    torch.export.save(torch.export.export(tied, example("block")), out / "tied.pt2")
    for name, (model, exportable) in models.items():
        save_runnable(name, model, exportable, out)
        save_weights(name, model, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
