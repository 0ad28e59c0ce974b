"""Write models that exercise linking in every runnable PyTorch format: ``build_torch_more OUT``.

resnet works in place, lstm has lists of weights and optional states, branches calls one module
twice, product has its weight on the left.
"""

import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import torch_zoo
from build_torch import save_runnable


def main(out: Path) -> None:
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    models = {
        "resnet": torch_zoo.ResNet(),
        "lstm": torch_zoo.Lstm(),
        "branches": torch_zoo.TwoBranches(),
        "product": torch_zoo.Product(),
    }
    for name, model in models.items():
        model.eval()
        save_runnable(name, model, model, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
