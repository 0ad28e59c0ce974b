"""Networks of operators that hold graphs of their own."""

import torch
from torch import nn


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


class Experts(nn.Module):
    """Two branches after each other, with layers of the same kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.ModuleList(self._expert() for _ in range(2))
        self.deep = nn.ModuleList(self._expert() for _ in range(2))

    @staticmethod
    def _expert() -> nn.Sequential:
        return nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for wide, deep in zip(self.wide, self.deep, strict=True):
            x = x + torch.cond(
                x.mean() > 0, lambda y, net=wide: net(y), lambda y, net=deep: net(y).sin(), (x,)
            )
        return x
