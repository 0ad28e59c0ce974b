"""Model formats: each module recognises one family by content and inspects it without executing it.

A format module offers::

    def matches(probe: Probe) -> bool      # cheap, never raises
    def inspect(path: Path) -> ModelFile   # raises DamagedFile with a reason

Adding a format is one module and one line here; the first match wins.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from profilers.models.model_code import parse_code
from profilers.models.model_file import Danger, ModelFile
from profilers.probe import Probe

FORMATS: tuple[str, ...] = (
    "torch_aoti_file",
    "torch_export_file",
    "torchscript_file",
    "torch_pickle_file",
    "safetensors_file",
    "saved_model_file",
    "frozen_graph_file",
    "keras_file",
    "hdf5_file",
    "tflite_file",
    "onnx_file",
    "python_file",
)


class Format(Protocol):
    def matches(self, probe: Probe) -> bool: ...
    def inspect(self, path: Path) -> ModelFile: ...


def format_of(probe: Probe) -> Format | None:
    """The format module that recognises the probed path, if any does."""
    for name in FORMATS:
        module = cast(Format, import_module(f"profilers.models.{name}"))
        if module.matches(probe):
            return module
    return None


def model_named(text: str) -> ModelFile | None:
    """The model of ``torchvision:resnet18`` or ``model.py:Net``; None where the text is no name.

    Raises
    ------
    TwinscopeError
        If the library or the file has no such model.
    """
    code = parse_code(text)
    if code is None:
        return None
    if not code.is_file:
        from profilers.models.library_model import library_model

        return library_model(code)
    from profilers.models import python_file

    model = python_file.inspect(Path(code.path))
    others = (name for name in model.signatures if name != code.entry)
    return replace(model, signatures=(code.entry, *others)) if code.entry else model


__all__ = ["FORMATS", "Danger", "Format", "ModelFile", "format_of", "model_named"]
