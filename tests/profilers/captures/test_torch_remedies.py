"""Models whose first step fails for a reason that something is known to help against."""

from pathlib import Path

import pytest

from profilers.errors import CaptureFailed
from profilers.request import InputSpec
from tests.conftest import Capture

SOURCE = """
import torch
from torch import nn


class Remembers(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.state = torch.zeros(4)

    def forward(self, x):
        self.state = self.state + super().forward(x).sum(0)
        return self.state


class Bags(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.bag = nn.EmbeddingBag(9, 4, sparse=True)

    def forward(self, x):
        return super().forward(x) + self.bag((x.abs() > 1).long())


class Strays(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)

    def forward(self, x):
        return super().forward(x) + torch.ones(4, device="meta")


class Adds(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)

    def forward(self, x):
        return torch.zeros(8, 4).index_add(0, torch.arange(len(x)), super().forward(x))


class Spectrum(nn.Linear):
    def __init__(self):
        super().__init__(4, 4, dtype=torch.cfloat)

    def forward(self, x):
        y = super().forward(x.to(torch.cfloat))
        return torch.polar(torch.relu(y.abs()), y.angle()).abs()


class Normalised(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.register_buffer("norm", torch.ones(4, 4))

    def forward(self, x):
        with torch.no_grad():
            torch.div(self.weight, 2.0, out=self.norm)
        return nn.functional.linear(x, self.weight * self.norm)


class Mixed(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.scale = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))

    def forward(self, x):
        return super().forward(x) * self.scale.float()
"""
INPUTS = (InputSpec("x", "float32", (2, 4)),)
TRAINING = {"run": "training"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("remedies") / "failing.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "options", "remedy"),
    [
        ("Remembers", "torch-eager", TRAINING, "detach them in the model"),
        ("Bags", "torch-eager", TRAINING, "choose SGD"),
        ("Strays", "torch-eager", {}, "use the device of its input"),
        ("Adds", "torch-eager", {"autocast": "bfloat16"}, "choose off for Autocast"),
        ("Spectrum", "torchscript", TRAINING, "train the module in PyTorch eager"),
        ("Normalised", "torchscript", TRAINING, "train the module in PyTorch eager"),
    ],
)
def test_a_failure_says_what_helps(
    capture: Capture, models: Path, name: str, mode: str, options: dict[str, str], remedy: str
) -> None:
    with pytest.raises(CaptureFailed, match="failed on its first step") as told:
        capture(models, mode, signature=name, inputs=INPUTS, options=options)
    assert remedy in told.value.remedy


def test_weights_of_several_types_are_for_ddp(capture: Capture, models: Path) -> None:
    options = {"strategy": "fsdp", "processes": "1"}
    with pytest.raises(CaptureFailed, match="failed on its first step") as told:
        capture(models, "torch-distributed", signature="Mixed", inputs=INPUTS, options=options)
    assert "choose ddp for Strategy" in told.value.remedy


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("Bags", "torch-eager", {**TRAINING, "optimiser": "SGD"}),
        ("Adds", "torch-eager", {}),
        ("Spectrum", "torch-eager", TRAINING),
        ("Normalised", "torch-eager", TRAINING),
    ],
)
def test_it_does_help(
    capture: Capture, models: Path, name: str, mode: str, options: dict[str, str]
) -> None:
    assert len(capture(models, mode, signature=name, inputs=INPUTS, options=options).steps) == 5
