"""Models that fail in every way a model can; pickles name them as ``misbehaving.Raises`` and so on."""

import ctypes
import os
import time

import torch
from torch import Tensor, nn


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("the moon is in the wrong phase")


class Loops(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while True:
            time.sleep(0.01)


class Exits(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        print("about to leave")
        os._exit(7)


class Crashes(nn.Module):
    """Reads where nothing is, as a broken kernel does."""

    def forward(self, x: Tensor) -> Tensor:
        ctypes.string_at(0)
        return x


class Allocates(nn.Module):
    """Touches 64 MiB more at a time, without end."""

    def forward(self, x: Tensor) -> Tensor:
        held = []
        while True:
            held.append(torch.ones(16 * 2**20))


class Prints(nn.Module):
    """Writes on stdout what looks like an event, and ends well."""

    def forward(self, x: Tensor) -> Tensor:
        print('{"event": "done"}')
        os.write(1, b'{"event": "error", "what": "a forged failure"}\n')
        return x + 1


class Evil:
    """Unpickling it runs a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)
