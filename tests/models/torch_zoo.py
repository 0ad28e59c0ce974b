"""Small PyTorch models; pickles name their classes as ``torch_zoo.Cnn`` and so on."""

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop
from torch.nn import functional as F


class Cnn(nn.Module):
    """Convolution, batch norm, activation, twice; pooled and classified. Input 1x3x32x32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU()
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.body(self.stem(x))).flatten(1))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Token embedding and one pre-norm encoder block. Input: int64 token ids 1x16 below 100."""

    def __init__(self, vocabulary: int = 100, width: int = 32, heads: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Control(nn.Module):
    """A branch and a loop that both depend on the data, in plain Python. Input 1x16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.positive = nn.Linear(16, 16)
        self.negative = nn.Linear(16, 16)
        self.repeated = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if bool(x.sum() > 0):  # noqa: SIM108  # a branch, as people write it
            x = torch.relu(self.positive(x))
        else:
            x = torch.tanh(self.negative(x))
        rounds = 2 + int(x.max() > 0.5)
        for _ in range(rounds):
            x = torch.tanh(self.repeated(x))
        return x


class ExportedControl(Control):
    """The same with control-flow operators, which torch.export can hold."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.cond(
            x.sum() > 0,
            lambda y: torch.relu(self.positive(y)),
            lambda y: torch.tanh(self.negative(y)),
            (x,),
        )
        rounds = 2 + (x.max() > 0.5).to(torch.int64)
        _, x = while_loop(
            lambda left, y: left > 0,
            lambda left, y: (left - 1, torch.tanh(self.repeated(y))),
            (rounds, x),
        )
        return x


class Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
            if stride != 1 or before != after
            else nn.Identity()
        )
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        y += self.shortcut(x)
        return self.act(y)


class ResNet(nn.Module):
    """Residual stages with in-place activations. Input 1x3x64x64."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64)) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 7, 2, 3, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks: list[nn.Module] = []
        before = widths[0]
        for index, width in enumerate(widths):
            blocks.append(Residual(before, width, 1 if index == 0 else 2))
            blocks.append(Residual(width, width, 1))
            before = width
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Linear(before, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


class Lstm(nn.Module):
    """Input 1x20x16."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 32, num_layers=2, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        sequence, _ = self.lstm(x)
        return self.head(sequence[:, -1])


class TwoBranches(nn.Module):
    """Two inputs of 1x32 through one shared encoder, called twice. The second is subtracted."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64))
        self.norm = nn.LayerNorm(64)
        self.head = nn.Linear(64, 2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        difference = self.norm(self.encoder(left)) - self.norm(self.encoder(right))
        return self.head(F.gelu(difference) * torch.sigmoid(difference).mean(-1, keepdim=True))


class Product(nn.Module):
    """A weight of 8x32 times the input of 32x4."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 32))

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(self.weight, x)


class Gated(nn.Module):
    """A gate of elementwise operators between matrices and a normalisation. Input 8x64."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)
        self.norm = nn.LayerNorm(64)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return self.norm(gate * torch.tanh(self.value(x)) + x * (1 - gate))


class RefusesCompiler(nn.Module):
    """An operator that a kernel runs, but no compiler can trace. Input 1x16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(untraceable(self.first(x)))


@torch.library.custom_op("torch_zoo::untraceable", mutates_args=())
def untraceable(x: Tensor) -> Tensor:
    """Has no rule for tensors without data, which compilers work with."""
    return torch.relu(x)


class Misjudged(nn.Module):
    """What is compiled of it fails when it runs: its operator gives another layout. Input 4x16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(misjudged(self.first(x)))


@torch.library.custom_op("torch_zoo::misjudged", mutates_args=())
def misjudged(x: Tensor) -> Tensor:
    return x.t().contiguous().t()


@misjudged.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Tied(nn.Module):
    """One weight that embeds and classifies, and experts in a list. Input: int64 ids 1x16."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        self.experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(2))
        self.head = nn.Linear(32, 100, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        return self.head(sum(torch.tanh(expert(x)) for expert in self.experts))


class CachedAttention(nn.Module):
    """Keeps the keys and values of all tokens so far; a step brings one more."""

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        kept = torch.zeros(1, heads, length, width // heads)
        self.register_buffer("keys", kept)
        self.register_buffer("values", kept.clone())

    def forward(self, x: Tensor, position: Tensor, is_past: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        self.keys.index_copy_(2, position, key)
        self.values.index_copy_(2, position, value)
        mixed = F.scaled_dot_product_attention(query, self.keys, self.values, is_past)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class DecoderLayer(nn.Module):
    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = CachedAttention(width, heads, length)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, position: Tensor, is_past: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x), position, is_past)
        return x + self.mlp(self.norm2(x))


class Decoder(nn.Module):
    """One step of decoding. Input: an int64 token id 1x1 below 500 and its position below 64."""

    def __init__(self, layers: int = 3, width: int = 64, heads: int = 4, length: int = 64) -> None:
        super().__init__()
        self.tokens = nn.Embedding(500, width)
        self.places = nn.Embedding(length, width)
        self.layers = nn.ModuleList(DecoderLayer(width, heads, length) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 500, bias=False)
        self.register_buffer("all_places", torch.arange(length))

    def forward(self, token: Tensor, position: Tensor) -> Tensor:
        x = self.tokens(token) + self.places(position)
        is_past = (self.all_places <= position).view(1, 1, 1, -1)
        for layer in self.layers:
            x = layer(x, position, is_past)
        return self.head(self.norm(x))


class VariableLstm(nn.Module):
    """Sequences of different lengths, packed. Input: int64 ids 4x20 below 200, lengths of 1 to 20."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(200, 32)
        self.lstm = nn.LSTM(32, 48, batch_first=True, bidirectional=True)
        self.head = nn.Linear(96, 5)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.words(words), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.lstm(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        return self.head(torch.tanh(padded).amax(1))


class Expert(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.grow = nn.Linear(width, 4 * width)
        self.shrink = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.shrink(F.silu(self.grow(x)))


class Experts(nn.Module):
    """Each token goes through the two experts that the router likes best. Input 1x16x32."""

    def __init__(self, width: int = 32, experts: int = 4) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(Expert(width) for _ in range(experts))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        weights, chosen = torch.softmax(self.router(tokens), -1).topk(2, -1)
        mixed = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            row, rank = torch.where(chosen == number)
            if row.numel() > 0:
                mixed.index_add_(0, row, expert(tokens[row]) * weights[row, rank].unsqueeze(-1))
        return self.norm(x + mixed.reshape(x.shape))
