"""Models that linking finds hard: ``model.py:CLASS`` makes them with random weights."""

import torch
from torch import nn


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
