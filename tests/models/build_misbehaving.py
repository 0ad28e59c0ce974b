"""Pickle models that misbehave, and one whose class lives in packages named like ours."""

import importlib
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import misbehaving

_USER_PACKAGE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.only = nn.Linear(8, 4)

    def forward(self, x):
        return self.only(x).relu()
"""


def user_model(package: str, out: Path) -> nn.Module:
    """A model from the user's own package of that name, written beside the file."""
    (out / package).mkdir(exist_ok=True)
    (out / package / "__init__.py").write_text("")
    (out / package / "net.py").write_text(_USER_PACKAGE)
    sys.path.insert(0, str(out))
    importlib.invalidate_caches()
    model: nn.Module = importlib.import_module(f"{package}.net").Net()
    return model.eval()


def main(out: Path) -> None:
    for name in ("Raises", "Loops", "Exits", "Crashes", "Allocates", "Prints"):
        torch.save(getattr(misbehaving, name)().eval(), out / f"{name.lower()}.pt")
    torch.save({"weights": misbehaving.Evil(f"touch {out / 'evil_was_here'}")}, out / "evil.pt")
    for package in ("app", "views"):
        torch.save(user_model(package, out), out / f"user_{package}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
