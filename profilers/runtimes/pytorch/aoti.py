"""Runs an AOTInductor package: one from a file, or compiled of a model on the spot."""

import json
import os
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import PACKAGE_CODE_FILE, PACKAGE_FILE
from profilers.errors import CaptureFailed, TrustRequired, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.as_executed import as_executed
from profilers.runtimes.pytorch.code_generator import lacking_compiler, require_code_generator
from profilers.runtimes.pytorch.compile_progress import reported_phases
from profilers.runtimes.pytorch.decomposed_loops import loops_followed
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import first_line
from profilers.runtimes.pytorch.export import load_program_model
from profilers.runtimes.pytorch.exported_graph import write_exported_graph
from profilers.runtimes.pytorch.options import IMPORTS, chosen
from profilers.runtimes.pytorch.package_bodies import VERSION, body_path_pass, name_bodies
from profilers.runtimes.pytorch.package_cache import KeptPackage, kept_package
from profilers.runtimes.pytorch.programs import (
    export_failure,
    exported,
    is_of_values,
    is_package,
    is_program,
    load_program,
    refusal,
)
from profilers.runtimes.pytorch.running import built_by, for_each_size, run_model
from profilers.runtimes.pytorch.saved_device import require_code_for
from profilers.runtimes.pytorch.session import PRELOADED, WORKER_ENVIRONMENT, LoadedModel, Session
from profilers.units import format_bytes, format_duration

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]

_KERNELS = "kernel_information.json"  # which nodes each kernel was made of
_SOURCES = (".kernel.cpp", ".wrapper.cpp")
_LARGEST_SOURCE = 8_000_000
_PASS = "post_grad_custom_post_pass"
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
        require_code_generator(request)
        if is_program(path):  # which takes the sizes that it was exported for
            return run_model(request, folder, report, load_program_model, built_by(_compiled))
        return run_model(request, folder, report, load_module, built_by(for_each_size(_compiled)))


def _load_package(request: RunRequest, device: Any) -> LoadedModel:
    import torch

    path = Path(request.model_path)
    require_code_for(device, path)
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
    """The model as a package, compiled now or by an earlier run, and loaded."""
    session.report.progress("compile: torch.export traces the model", 0.0)
    program = _program(model, session)
    kept = None
    if not chosen(session.request.options, IMPORTS):  # what is imported may compile otherwise
        kept = kept_package(program, {**_SETTINGS, _PASS: VERSION}, session.device)
    package = _of_earlier_run(kept, session) if kept else None
    package = package or _compiled_now(program, kept, session)
    session.record.artefact_bytes = package.bytes
    session.record.facts = {
        **session.record.facts,
        "Package": f"{format_bytes(package.bytes)} on disk",
    }

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        try:
            write_exported_graph(program, dict, folder)
        except Exception as error:  # of operators that PyTorch cannot write down
            (folder / PACKAGE_CODE_FILE).write_text(package.code)
            record.warn(
                f"PyTorch cannot write this model down ({refusal(error).why}), so its graph is that "
                "of the package's kernels, as its C++ code calls them."
            )
            return
        (folder / PACKAGE_FILE).write_text(json.dumps(package.kernels))

    def call(*inputs: Any) -> Any:
        positional, named = model.arguments(inputs)
        return package.call(*positional, **named)

    return LoadedModel(call, call, write_graph, model.owner)


def _program(model: LoadedModel, session: Session) -> Any:
    if is_program(Path(session.request.model_path)):
        return load_program(session.request, session.device)
    try:
        return exported(model.owner, session.inputs)
    except Exception as error:  # the model's own code runs under the tracer
        program = _program_of_one_run(model, session) if is_of_values(error) else None
        if program is None:
            raise export_failure(
                error, "Run it as PyTorch compiled, which takes such a model."
            ) from error
        refused = refusal(error)
    session.record.warn(
        f"torch.export cannot hold this model ({refused.why}), so what one run executed was "
        "compiled: branches and loops are fixed as they went for these inputs, and no operator "
        "knows its module.",
        refused.remedy,
    )
    return program


def _program_of_one_run(model: LoadedModel, session: Session) -> Any:
    try:
        return as_executed(model.owner, session.inputs)
    except Exception as error:  # sizes that are known only when it runs, a class of the model's own
        session.report.log(f"What one run executed cannot be exported either: {first_line(error)}")
        return None


@dataclass(frozen=True)
class _Package:
    call: Any
    bytes: int
    kernels: dict[str, Any]
    code: str  # that calls the kernels


def _of_earlier_run(kept: KeptPackage, session: Session) -> _Package | None:
    compile_ns = kept.compile_ns()
    if not compile_ns:
        return None
    try:
        package = _loaded(kept.path, session.device)
    except Exception as error:  # the loader raises whatever its parts raise
        session.report.log(f"The package of an earlier run does not load: {error}")
        return None
    session.record.compile_ns += compile_ns
    session.record.note(
        f"An earlier run compiled this package in {format_duration(compile_ns)}; model and machine "
        "are the same, so it was not compiled again."
    )
    return package


def _compiled_now(program: Any, kept: KeptPackage | None, session: Session) -> _Package:
    import torch

    path = session.folder / "package.pt2"
    begin = time.perf_counter_ns()
    try:
        with reported_phases(session.report), loops_followed(name_bodies):
            torch._inductor.aoti_compile_and_package(
                program,
                package_path=str(path),
                inductor_configs={**_SETTINGS, _PASS: body_path_pass()},
            )
        compile_ns = time.perf_counter_ns() - begin
        session.report.progress("compile: the package is loaded", 0.95)
        package = _loaded(path, session.device)
    except Exception as error:  # the compiler raises whatever its parts raise
        lack = lacking_compiler(error, session.request.device)
        raise CaptureFailed(
            "AOTInductor cannot compile this model",
            lack.why if lack else f"{type(error).__name__}: {first_line(error)}",
            lack.remedy if lack else "Run it as PyTorch compiled or exported program.",
        ) from error
    if kept:
        try:
            kept.keep(path, compile_ns)
        except OSError as error:
            session.report.log(f"The package cannot be kept for the next run: {error}")
    path.unlink(missing_ok=True)
    return package


def _loaded(path: Path, device: Any) -> _Package:
    import torch

    call = torch._inductor.aoti_load_package(str(path), device_index=_index(device))
    return _Package(call, path.stat().st_size, _kernels(path), _code(path))


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
