"""Lets torch.compile keep numbers that a graph reads out of tensors, where it cannot do without.

Inductor makes loops of scan and map whose rounds read their number, which its own tracer refuses by
default.
"""

from contextlib import ExitStack
from typing import Any

from profilers.runtimes.pytorch.errors import chain_of

_REFUSED = "aten._local_scalar_dense"
NOTE = (
    "torch.compile took this model only with torch._dynamo.config.capture_scalar_outputs = True, as "
    "Inductor makes loops of its scan or map that read the number of their round."
)


class CapturedScalars(ExitStack):
    """The setting, which is as it was when the context ends."""

    is_on = False

    def helps(self, error: BaseException) -> bool:
        """Whether an error may be gone with it."""
        return not self.is_on and any(_REFUSED in str(each) for each in chain_of(error))

    def begin(self) -> None:
        """From now on, with all forgotten that was compiled so far."""
        import torch

        dynamo: Any = torch._dynamo
        dynamo.reset()
        self.enter_context(dynamo.config.patch(capture_scalar_outputs=True))
        self.is_on = True
