"""Ten equal layers, and twelve of them: a real slowdown by a fifth."""

import torch
from torch import nn


def ten() -> nn.Module:
    return _stack(10)


def twelve() -> nn.Module:
    return _stack(12)


def example_inputs() -> tuple[torch.Tensor]:
    return (torch.zeros(1, 32, 32, 32),)


def _stack(count: int) -> nn.Module:
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()) for _ in range(count)]
    return nn.Sequential(*layers).eval()
