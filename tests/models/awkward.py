"""Models that linking finds hard: ``model.py:CLASS`` makes them with random weights."""

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Denoiser(nn.Module):
    """Sound by way of complex spectra: convolutions over time mask what a transform gives."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.front = nn.Conv1d(1, 1, 9, padding=4)
        self.mask = nn.Sequential(
            nn.Conv1d(33, 32, 5, padding=2),
            nn.GroupNorm(4, 32),
            nn.GELU(),
            nn.Conv1d(32, 33, 5, padding=2),
            nn.Sigmoid(),
        )

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        wave = self.front(wave[:, None])[:, 0]
        how = {"hop_length": 32, "window": self.window}
        spectrum = torch.stft(wave, 64, return_complex=True, **how)
        quieter = spectrum * self.mask(torch.log1p(spectrum.abs()))
        return torch.istft(quieter, 64, length=wave.shape[-1], **how)


class Scores(nn.Module):
    """No weights; whole numbers, truth values, doubles and a number without dimensions."""

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, x: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        picked = torch.gather(torch.where(mask, x, torch.zeros_like(x)), 1, ids).cumsum(1)
        values, places = picked.topk(4, 1)
        return values * scale, places, mask.any(1), ids.bitwise_and(7).sum()


class Rotary(nn.Module):
    """A transformer block with rotary embeddings, shared keys and a gated MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.norm_2 = nn.RMSNorm(32), nn.RMSNorm(32)
        self.query, self.key_value = nn.Linear(32, 32, bias=False), nn.Linear(32, 32, bias=False)
        self.out = nn.Linear(32, 32, bias=False)
        self.gate, self.up = nn.Linear(32, 64, bias=False), nn.Linear(32, 64, bias=False)
        self.down = nn.Linear(64, 32, bias=False)
        self.register_buffer("speeds", 10000 ** -(torch.arange(0, 8, 2) / 8), persistent=False)

    def forward(self, x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        angles = position[:, :, None].float() * self.speeds
        angles = torch.cat([angles, angles], -1)[:, None]
        attended = self.norm(x)
        query = self.query(attended).view(batch, length, 4, 8).transpose(1, 2)
        key_value = self.key_value(attended).view(batch, length, 4, 8).transpose(1, 2)
        key, value = (each.repeat_interleave(2, 1) for each in key_value.chunk(2, 1))
        found = nn.functional.scaled_dot_product_attention(
            turned(query, angles), turned(key, angles), value, is_causal=True
        )
        x = x + self.out(found.transpose(1, 2).reshape(batch, length, 32))
        mixed = self.norm_2(x)
        return x + self.down(nn.functional.silu(self.gate(mixed)) * self.up(mixed))


def turned(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Each pair of numbers is turned by its angle."""
    first, second = x.chunk(2, -1)
    return x * angles.cos() + torch.cat([-second, first], -1) * angles.sin()


class Patches(nn.Module):
    """A vision transformer; without gradients its layers run as one operator each."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 8, 8)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(32, 4, 64, batch_first=True) for _ in range(2)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.patch(image).flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return x.mean(1)


class Averages(nn.Module):
    """Buffers that every call changes and returns, within dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16)
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: torch.Tensor) -> dict[str, object]:
        found = self.linear(x)
        with torch.no_grad():
            self.mean.mul_(0.9).add_(found.mean(0), alpha=0.1)
            self.calls += 1
        return {"found": {"centred": found - self.mean, "none": None}, "calls": self.calls}


class Padded(nn.Module):
    """An encoder of sequences with padding, which its fused path leaves out: nested tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 32, padding_idx=0)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        found = self.encoder(self.words(tokens), src_key_padding_mask=tokens == 0)
        return self.head(found[:, 0])


class Flexible(nn.Module):
    """Attention with a score of its own, an operator that PyTorch can export and not write down."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.attention.flex_attention import flex_attention

        query = self.linear(x).unflatten(-1, (2, 16)).transpose(1, 2)
        return flex_attention(query, query, query, score_mod=nearer_is_more)


def nearer_is_more(
    score: torch.Tensor, batch: object, head: object, at: torch.Tensor, other: torch.Tensor
) -> torch.Tensor:
    return score - (at - other).abs()


class Forces(nn.Module):
    """An energy and its derivative by the input, which takes gradients in inference too."""

    def __init__(self) -> None:
        super().__init__()
        self.energy = nn.Sequential(nn.Linear(3, 16), nn.SiLU(), nn.Linear(16, 1))

    def forward(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            positions = positions.detach().requires_grad_()
            energy = self.energy(positions).sum()
            (gradient,) = torch.autograd.grad(energy, positions)
        return energy, -gradient


class Mapped(nn.Module):
    """A loop over rows as an operator, whose body eager mode compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch._higher_order_ops.map import map as mapped

        return mapped(lambda row: self.linear(row), x)


class Decided(nn.Module):
    """Branches and a loop as operators, which keep graphs of their own.

    Those of the second branch hold the same operators: only who runs them can tell which it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = (nn.Linear(16, 16) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch._higher_order_ops.while_loop import while_loop

        x = torch.cond(x.sum() > 0, self.first, lambda x: self.second(x).sin(), (x,))
        rounds = torch.zeros((), dtype=torch.int64)
        _, x = while_loop(
            lambda rounds, _: rounds < 3,
            lambda rounds, x: (rounds + 1, torch.tanh(self.second(x)) + x),
            (rounds, x),
        )
        x = torch.cond(x.sum() > 1e9, self.first, self.second, (x,))
        return self.last(x)


class Scanned(nn.Module):
    """A recurrent cell whose rounds are one operator."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(32, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch._higher_order_ops.scan import scan

        def turn(state: torch.Tensor, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            state = torch.tanh(self.cell(torch.cat([seen, state], 1)))
            return state, state.clone()

        return self.head(scan(turn, torch.zeros_like(x[0]), x)[1])


class Doubled(torch.autograd.Function):
    """An operator written in Python, with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return 2 * x + torch.sin(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (2 + torch.cos(x))


class Pythonic(nn.Module):
    """Layers around an operator written in Python, beside one that it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.second(Doubled.apply(self.first(x))))


class Mixer(nn.Module):
    """Two layers beside a way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(64, 128), nn.Linear(128, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(nn.functional.gelu(self.up(x)))


class Recomputed(nn.Module):
    """Two blocks that the backward computes again, and a plain layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Mixer(), Mixer()
        self.head = nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in (self.first, self.second):
            x = checkpoint(block, x, use_reentrant=False)
        return self.head(x)


class Lowered(nn.Module):
    """Half precision and no gradients for a part each, as in training with a teacher."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = nn.Linear(16, 16), nn.Linear(16, 16)
        self.head = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = self.student(x)
        with torch.no_grad():
            wanted = self.teacher(x)
        return self.head(found.float()) - wanted


class Jagged(nn.Module):
    """Rows that differ in length, as one nested tensor of what is given flat."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        offsets = torch.tensor([0, x.shape[0] // 3, x.shape[0]])
        rows = torch.nested.nested_tensor_from_jagged(x, offsets)
        return self.linear(rows).values()
