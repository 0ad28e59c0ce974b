"""Exported programs: loaded from a file, or made of a module on the spot."""

import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from traceback import walk_tb
from typing import Any

from profilers.errors import EXPORT_ADVICE, CaptureFailed
from profilers.request import RunRequest
from profilers.runtimes.pytorch.errors import (
    first_line,
    lacks_registration,
    load_failure,
    needs_registration,
    unregistered_operator,
)
from profilers.runtimes.pytorch.lean_export import code_on_demand
from profilers.runtimes.pytorch.outputs import tensors_alone
from profilers.runtimes.pytorch.saved_device import require_device_of

_TARGET = re.compile(r'"target": "torch\.ops\.(\w+)\.(\w+)')
_UNKNOWN_RESULT = "in output, which is not a known type"
_LONGEST_REASON = 300
_DATA_DEPENDENT = ("data-dependent", "DataDependent")  # the latter in types of errors
_VALUES_READ = ("but got FakeTensor", "data pointer of Tensor", "its data is not allocated yet")
_LIBRARIES = ("torch", "keras", "profilers")
_UNWRITTEN = re.compile(r"Failed serializing node (?P<node>\w+) in graph")
_CUSTOM_CLASS = re.compile(r"torch\.classes\.(?P<name>[\w.]+) .*'__obj_flatten__'")
_PLACE = re.compile(r'File "(?P<file>[^"]+\.py)", line (?P<line>\d+), in (?:forward|call)\b')


def is_program(path: Path) -> bool:
    """Whether ``torch.export.save`` wrote the file."""
    return any(map(_is_graph, _members(path)))


def _is_graph(name: str) -> bool:
    return "/models/" in name and name.endswith(".json")


def is_script(path: Path) -> bool:
    """Whether ``torch.jit.save`` wrote the file."""
    return any(name.endswith("/constants.pkl") for name in _members(path))


def is_package(path: Path) -> bool:
    """Whether AOTInductor wrote the file."""
    names = _members(path)
    return any("data/aotinductor/" in name for name in names) and not is_program(path)


def load_program(request: RunRequest, device: Any) -> Any:
    """The exported program of a file, on the device.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded.
    """
    import torch

    require_device_of(Path(request.model_path))
    try:
        program = torch.export.load(request.model_path)
        if any(tensor.device.type != device.type for tensor in program.state_dict.values()):
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, device)
    except Exception as error:  # the loader raises whatever its parts raise
        raise load_failure(
            error,
            Path(request.model_path),
            "Export it again with the version of PyTorch that is installed here.",
            _unregistered(Path(request.model_path)),
        ) from error
    return program


def _unregistered(path: Path) -> str:
    """``space::name`` of the first operator of a program that PyTorch does not know, or ""."""
    import torch

    with zipfile.ZipFile(path) as archive:
        texts = [archive.read(name) for name in archive.namelist() if _is_graph(name)]
    for space, name in (found for text in texts for found in _TARGET.findall(text.decode())):
        try:
            getattr(getattr(torch.ops, space), name)
        except AttributeError:
            return f"{space}::{name}"
    return ""


def exported(module: Any, inputs: Sequence[Any]) -> Any:
    """The program that torch.export makes of a module; whatever the exporter raises.

    Where the module returns something of a class that the exporter does not know, the program returns
    the tensors in it.
    """
    import torch

    with torch.no_grad(), warnings.catch_warnings(), code_on_demand():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(module, tuple(inputs), strict=False)
        except RuntimeError as error:
            if _UNKNOWN_RESULT not in str(error):
                raise
        with tensors_alone(module):
            return torch.export.export(module, tuple(inputs), strict=False)


@dataclass(frozen=True)
class Refusal:
    """Why torch.export does not take a model, and what a person may do about it."""

    why: str
    remedy: str


def refusal(error: BaseException) -> Refusal:
    """What the exporter's error says, with the line of the model where it says one."""
    text = str(error).partition(EXPORT_ADVICE)[0].strip()
    operator = unregistered_operator(error)
    if operator:
        return Refusal(lacks_registration(operator), needs_registration(operator))
    where = _place(error)
    if _has_sign(error, _DATA_DEPENDENT):
        return Refusal(
            f"its Python code decides by the values of a tensor{where}",
            "torch.cond and the like keep such decisions in the graph.",
        )
    if _has_sign(error, _VALUES_READ):
        return Refusal(
            f"its Python code reads the values of a tensor{where}, of which export knows the shape alone",
            "",
        )
    unwritten, custom = _UNWRITTEN.search(text), _CUSTOM_CLASS.search(text)
    if unwritten:
        return Refusal(f"PyTorch has no form to write its operator {unwritten['node']} in", "")
    if custom:
        return Refusal(f"it holds a {custom['name']}, a class of C++ without a rule for export", "")
    remedy = "Give the custom operator a rule for tensors without data (register_fake)."
    reason = first_line(error) if text else type(error).__name__
    return Refusal(reason[:_LONGEST_REASON] + where, remedy if "fake impl" in text else "")


def is_of_values(error: BaseException) -> bool:
    """Whether the exporter refuses the model for what its Python code makes of a tensor's values."""
    return _has_sign(error, (*_DATA_DEPENDENT, *_VALUES_READ))


def _has_sign(error: BaseException, signs: Sequence[str]) -> bool:
    text = str(error).partition(EXPORT_ADVICE)[0].strip()
    return any(sign in f"{type(error).__name__}: {text}" for sign in signs)


def _place(error: BaseException) -> str:
    """The innermost line of the model's forward, by the error's words or by its own stack."""
    places = _PLACE.findall(str(error))
    if not places:
        places = [
            (frame.f_code.co_filename, line)
            for frame, line in walk_tb(error.__traceback__)
            if frame.f_code.co_name in ("forward", "call")  # the latter in layers of Keras
            and str(frame.f_globals.get("__name__")).partition(".")[0] not in _LIBRARIES
        ]
    return f" at {PurePath(places[-1][0]).name}:{places[-1][1]}" if places else ""


def export_failure(error: BaseException, instead: str) -> CaptureFailed:
    """A mode that needs an exported program of a model that cannot be exported."""
    refused = refusal(error)
    is_hopeless = bool(unregistered_operator(error))  # in other modes as well
    remedy = refused.remedy if is_hopeless else f"{instead} {refused.remedy}".strip()
    return CaptureFailed("torch.export cannot hold this model", refused.why, remedy)


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
