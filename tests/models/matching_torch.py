"""Known architectures in PyTorch, under the names that people give them there.

`tests.models.matching_keras` holds their twins; `tests.models.matching_truth` says what is what.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """Of ResNet-50: the stride lies on the second convolution."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    """ResNet-50 by default. Input 1x3x32x32."""

    def __init__(
        self,
        depths: tuple[int, ...] = (3, 4, 6, 3),
        widths: tuple[int, ...] = (64, 128, 256, 512),
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = widths[0]
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
            blocks = []
            for index in range(depth):
                blocks.append(Bottleneck(before, width, 2 if stage > 1 and index == 0 else 1))
                before = 4 * width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Attention(nn.Module):
    """One projection each for query, key and value."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.apart(self.query(x)), self.apart(self.key(x)), self.value(x)
        mixed = nn.functional.scaled_dot_product_attention(query, key, self.apart(value))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def apart(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class JointAttention(nn.Module):
    """One projection for query, key and value together, as GPT-2 has it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).chunk(3, -1)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Post-norm, as BERT has it."""

    def __init__(self, width: int, heads: int, attention: type[nn.Module]) -> None:
        super().__init__()
        self.attention = attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.feed(x))


class Encoder(nn.Module):
    """Input: int64 token ids 1x32 below 1000."""

    def __init__(
        self,
        attention: type[nn.Module] = Attention,
        layers: int = 12,
        width: int = 128,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(1000, width)
        self.places = nn.Embedding(32, width)
        self.blocks = nn.ModuleList(Block(width, heads, attention) for _ in range(layers))
        self.head = nn.Linear(width, 10)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1))


class PackedEncoder(nn.Module):
    """The same of PyTorch's own layers, whose attention holds one packed in_proj."""

    def __init__(self, layers: int = 12, width: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.tokens = nn.Embedding(1000, width)
        self.places = nn.Embedding(32, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(width, 10)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.encoder(x).mean(1))


def _unit(before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    def __init__(self, before: int, after: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = before * expand
        layers: list[nn.Module] = [] if expand == 1 else [_unit(before, hidden, 1)]
        layers.append(_unit(hidden, hidden, 3, stride, hidden))
        layers += [nn.Conv2d(hidden, after, 1, bias=False), nn.BatchNorm2d(after)]
        self.conv = nn.Sequential(*layers)
        self.is_residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.is_residual else self.conv(x)


class MobileNet(nn.Module):
    """MobileNetV2. Input 1x3x64x64."""

    PLAN = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip  # expansion, width, blocks, stride

    def __init__(self) -> None:
        super().__init__()
        features: list[nn.Module] = [_unit(3, 32, 3, 2)]
        before = 32
        for expand, width, blocks, stride in self.PLAN:
            for index in range(blocks):
                features.append(
                    InvertedResidual(before, width, stride if index == 0 else 1, expand)
                )
                before = width
        features.append(_unit(before, 1280, 1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class DoubleConv(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))))


class UNet(nn.Module):
    """Four levels with long skips. Input 1x3x64x64."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        before = (3, *widths)
        self.down = nn.ModuleList(map(DoubleConv, before, widths))
        self.pool = nn.MaxPool2d(2)
        deep = widths[::-1]
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 2, 2) for wide, narrow in pairwise(deep)
        )
        self.up = nn.ModuleList(DoubleConv(2 * narrow, narrow) for narrow in deep[1:])
        self.mask = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for level, conv in enumerate(self.down):
            x = conv(x if level == 0 else self.pool(x))
            kept.append(x)
        for grow, conv, skip in zip(self.grow, self.up, kept[-2::-1], strict=True):
            x = conv(torch.cat([skip, grow(x)], 1))
        return self.mask(x)


class Lstm(nn.Module):
    """Tagging words. Input: int64 token ids 1x20 below 500."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(500, 32)
        self.lower = nn.LSTM(32, 64, batch_first=True)
        self.upper = nn.LSTM(64, 48, batch_first=True)
        self.tag = nn.Linear(48, 12)

    def forward(self, words: Tensor) -> Tensor:
        x, _ = self.lower(self.words(words))
        x, _ = self.upper(x)
        return self.tag(torch.tanh(x))


def added(**changes: object) -> ResNet:
    """A ResNet with a block more at the end of its third stage."""
    return ResNet(depths=(3, 4, 7, 3), **changes)


def removed(**changes: object) -> ResNet:
    """A ResNet without the last block of its second stage."""
    return ResNet(depths=(3, 3, 6, 3), **changes)


def widened(**changes: object) -> ResNet:
    """A ResNet whose second stage is half as wide again."""
    return ResNet(widths=(64, 192, 256, 512), **changes)
