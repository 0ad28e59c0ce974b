"""Two models to export: a residual network of bottlenecks and a transformer as deep as wished."""

import torch
from torch import Tensor, nn


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, inner: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels, inner, 1, 1), nn.ReLU(),
            *_convolution(inner, inner, 3, stride), nn.ReLU(),
            *_convolution(inner, 4 * inner, 1, 1),
        )  # fmt: skip
        is_same = stride == 1 and channels == 4 * inner
        self.skip = (
            nn.Identity()
            if is_same
            else nn.Sequential(*_convolution(channels, 4 * inner, 1, stride))
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(self.body(images) + self.skip(images))


def _convolution(channels: int, filters: int, size: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)
    return convolution, nn.BatchNorm2d(filters)


def bottleneck_network() -> nn.Module:
    """As deep as a ResNet-50, but narrower."""
    blocks: list[nn.Module] = [*_convolution(3, 16, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 16
    for stage, count in enumerate((3, 4, 6, 3)):
        for block in range(count):
            inner = 8 << stage
            blocks.append(_Bottleneck(channels, inner, 2 if stage and not block else 1))
            channels = 4 * inner
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.before(tokens)
        query, key, value = (
            each(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) * 0.125, -1)
        tokens = tokens + self.out((weights @ value).transpose(1, 2).flatten(2))
        return tokens + self.feed(self.after(tokens))


def deep_transformer(layers: int) -> nn.Module:
    return nn.Sequential(*(_Attention(64, 4) for _ in range(layers)), nn.LayerNorm(64))
