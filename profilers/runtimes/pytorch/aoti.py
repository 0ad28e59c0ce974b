"""Runs an AOTInductor package: one from a file, or compiled of a model on the spot."""

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import PACKAGE_CODE_FILE, PACKAGE_FILE
from profilers.errors import CaptureFailed, TrustRequired, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.compile import require_code_generator
from profilers.runtimes.pytorch.compile_progress import reported_phases
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import first_line
from profilers.runtimes.pytorch.export import load_program_model
from profilers.runtimes.pytorch.exported_graph import write_exported_graph
from profilers.runtimes.pytorch.programs import (
    export_failure,
    exported,
    is_package,
    is_program,
    load_program,
)
from profilers.runtimes.pytorch.session import (
    PRELOADED,
    WORKER_ENVIRONMENT,
    LoadedModel,
    Session,
    built_by,
    run_model,
)
from profilers.units import format_bytes

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]

_KERNELS = "kernel_information.json"  # which nodes each kernel was made of
_SOURCES = (".kernel.cpp", ".wrapper.cpp")
_LARGEST_SOURCE = 8_000_000
_SETTINGS = {"cpp.enable_kernel_profile": True, "trace.provenance_tracking_level": 1}


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a package of native code. A module or an exported program is compiled first.

    Raises
    ------
    TrustRequired
        If nobody agreed to running the package, or to loading the pickle.
    ModeUnavailable
        If there is no C++ compiler, and the file is not compiled yet.
    TwinscopeError
        If it cannot be loaded or compiled, or does not take the inputs.
    """
    path = Path(request.model_path)
    with _inputs_checked():
        if is_package(path):
            _require_trust_of_package(request)
            return run_model(request, folder, report, _load_package)
        require_code_generator(request.device)
        load = load_program_model if is_program(path) else load_module
        with reported_phases(report):
            return run_model(request, folder, report, load, built_by(_compiled))


def _load_package(request: RunRequest, device: Any) -> LoadedModel:
    import torch

    path = Path(request.model_path)
    try:
        package: Any = torch._inductor.aoti_load_package(str(path), device_index=_index(device))
    except Exception as error:  # the loader raises whatever its parts raise
        raise TwinscopeError(
            f"PyTorch cannot load {path.name}",
            first_line(error),
            "Compile it again on this machine with the version of PyTorch that is installed here.",
        ) from error

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        (folder / PACKAGE_CODE_FILE).write_text(_code(path))
        record.note(
            "A package holds native code, so its graph is that of its kernels, as its C++ code calls "
            "them.",
            "Open the exported program or the module that it was compiled from to see operators.",
        )

    owner = torch.nn.Module()  # what the package keeps of its weights cannot be looked at
    return LoadedModel(package, package, write_graph, owner)


def _compiled(model: LoadedModel, session: Session) -> LoadedModel:
    """The model as a package in the capture folder, loaded from there."""
    program = _program(model, session)
    path = session.folder / "package.pt2"
    package = _package(program, path, session.device)
    session.record.artefact_bytes = path.stat().st_size
    session.record.facts = {
        **session.record.facts,
        "Package": f"{format_bytes(path.stat().st_size)} on disk",
    }
    kernels = _kernels(path)
    path.unlink()

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        write_exported_graph(program, {}, folder)
        (folder / PACKAGE_FILE).write_text(json.dumps(kernels))

    def call(*inputs: Any) -> Any:
        positional, named = model.arguments(inputs)
        return package(*positional, **named)

    return LoadedModel(call, call, write_graph, model.owner)


def _program(model: LoadedModel, session: Session) -> Any:
    if is_program(Path(session.request.model_path)):
        return load_program(session.request, session.device)
    try:
        return exported(model.owner, session.inputs)
    except Exception as error:  # the model's own code runs under the tracer
        raise export_failure(
            error, "Run it as PyTorch compiled, which takes such a model."
        ) from error


def _package(program: Any, path: Path, device: Any) -> Any:
    import torch

    try:
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(path), inductor_configs=dict(_SETTINGS)
        )
        return torch._inductor.aoti_load_package(str(path), device_index=_index(device))
    except Exception as error:  # the compiler raises whatever its parts raise
        raise CaptureFailed(
            "AOTInductor cannot compile this model",
            f"{type(error).__name__}: {first_line(error)}",
            "Run it as PyTorch compiled or exported program.",
        ) from error


def _kernels(path: Path) -> dict[str, Any]:
    """What the package tells of its kernels, with their source code."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        told = [name for name in names if name.endswith(_KERNELS)]
        sources = [
            archive.read(name).decode("utf-8", "replace")
            for name in names
            if name.endswith(_SOURCES) and archive.getinfo(name).file_size <= _LARGEST_SOURCE
        ]
        return {
            "kernels": json.loads(archive.read(told[0])) if told else {},
            "sources": sources,
        }


def _code(path: Path) -> str:
    """The C++ code that calls the kernels; "" where the package leaves it out."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(_SOURCES[1])]
        sound = [name for name in names if archive.getinfo(name).file_size <= _LARGEST_SOURCE]
        return archive.read(sound[0]).decode("utf-8", "replace") if sound else ""


def _index(device: Any) -> int:
    return -1 if device.type == "cpu" else int(device.index or 0)


def _require_trust_of_package(request: RunRequest) -> None:
    if not request.trusted:
        raise TrustRequired(
            f"{Path(request.model_path).name} was not loaded",
            "an AOTInductor package is native code",
            "Run it only if you trust where it comes from.",
        )


@contextmanager
def _inputs_checked() -> Iterator[None]:
    """Inputs of another size are refused; unchecked, they give wrong results or end the process."""
    name = "AOTI_RUNTIME_CHECK_INPUTS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
