"""Write the demo network as a PyTorch exported program: ``python -m resources.demo.torch_model OUT``."""

import sys

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + x)


class DemoNet(nn.Module):
    """Stem, three residual blocks, and a classifier."""

    def __init__(self, width: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.block1 = Block(width)
        self.block2 = Block(width)
        self.block3 = Block(width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        x = self.block3(self.block2(self.block1(x)))
        return torch.softmax(self.classifier(x.mean((2, 3))), -1)


def main(path: str) -> None:
    torch.manual_seed(0)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(
        DemoNet().eval(), (torch.randn(2, 3, 64, 64),), dynamic_shapes={"x": {0: batch}}
    )
    torch.export.save(program, path)


if __name__ == "__main__":
    main(sys.argv[1])
