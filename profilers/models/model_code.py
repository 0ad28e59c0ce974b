"""Text that names the code of a model: ``torchvision:resnet18``, ``model.py:make_model``."""

import re
from dataclasses import dataclass

LIBRARIES = ("torchvision", "timm", "transformers")
_NAMED = re.compile(rf"({'|'.join(LIBRARIES)}):(.+)")
_PYTHON = re.compile(r"(.*\.py)(?::(\w+))?")


@dataclass(frozen=True)
class ModelCode:
    """`library` is "" for a Python file; `entry` is "" for what the file offers first."""

    library: str
    path: str
    entry: str

    @property
    def is_file(self) -> bool:
        return not self.library


def parse_code(text: str) -> ModelCode | None:
    """None where the text names no code."""
    named = _NAMED.fullmatch(text.strip())
    if named:
        return ModelCode(named[1], "", named[2])
    python = _PYTHON.fullmatch(text.strip())
    return ModelCode("", python[1], python[2] or "") if python else None
