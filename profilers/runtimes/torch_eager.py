"""Runs a pickled nn.Module, operator by operator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from profilers.captures.torch_files import MODULE_MARK
from profilers.errors import TrustRequired, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.exported_graph import write_exported_graph
from profilers.runtimes.measure import Reporter
from profilers.runtimes.recorded_graph import write_recorded_graph
from profilers.runtimes.torch_errors import first_line
from profilers.runtimes.torch_programs import exported, refusal
from profilers.runtimes.torch_session import WORKER_ENVIRONMENT, LoadedModel, run_model

__all__ = ["WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a module in eager mode. Loading it runs the code that its pickle names.

    Raises
    ------
    TrustRequired
        If nobody agreed to that.
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    require_trust(request)
    return run_model(request, folder, report, load_module)


def require_trust(request: RunRequest) -> None:
    """Refuse to load a pickle that nobody agreed to load."""
    if not request.trusted:
        raise TrustRequired(
            f"{Path(request.model_path).name} was not loaded",
            "a pickled module can execute code while it loads",
            "Run it only if you trust where it comes from.",
        )


def load_module(request: RunRequest, device: Any) -> LoadedModel:
    """The pickled module in evaluation mode, with ranges of its modules."""
    import torch

    model = _unpickled(Path(request.model_path), device)
    if not isinstance(model, torch.nn.Module):
        raise TwinscopeError(
            f"{Path(request.model_path).name} holds no module",
            f"it holds a {type(model).__name__}",
            "Save the whole model with torch.save(model, path).",
        )
    model.eval()

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        _write_graph(model, inputs, folder, record)

    fast_mark = torch._C._profiler._RecordFunctionFast
    return LoadedModel(model, model, write_graph, model, lambda: _module_ranges(model, fast_mark))


def _unpickled(path: Path, device: Any) -> Any:
    import torch

    try:
        return torch.load(path, map_location=device, weights_only=False)
    except (ModuleNotFoundError, AttributeError) as error:
        raise TwinscopeError(
            f"{path.name} cannot be loaded",
            f"the code of its classes was not found: {first_line(error)}",
            "Give the folder that holds the model's own Python files as the source folder.",
        ) from error
    except Exception as error:  # unpickling runs the file's own code
        raise TwinscopeError(
            f"{path.name} cannot be loaded", f"{type(error).__name__}: {first_line(error)}"
        ) from error


@contextmanager
def _module_ranges(model: Any, mark: Callable[[str], Any]) -> Iterator[None]:
    """While it lasts, each call of a module is a range with the module's path.

    `mark` makes a range of a name. Forward hooks would do the same, but PyTorch leaves its fused
    paths where a module has hooks.
    """
    wrapped = []
    for path, module in model.named_modules():
        if _can_be_wrapped(module):
            wrapped.append((module, module.__dict__.get("forward")))
            module.forward = _ranged(module.forward, f"{MODULE_MARK}{path}", mark)
    try:
        yield
    finally:
        for module, own in wrapped:
            del module.forward
            if own is not None:
                module.forward = own


def _ranged(forward: Callable[..., Any], name: str, mark: Callable[[str], Any]) -> Any:
    @wraps(forward)
    def inside_range(*arguments: Any, **named: Any) -> Any:
        with mark(name):
            return forward(*arguments, **named)

    return inside_range


def _can_be_wrapped(module: Any) -> bool:
    import torch

    return not isinstance(module, torch.jit.ScriptModule)


def _write_graph(model: Any, inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
    """The graph by torch.export, and a recording of one run.

    The recording counts where the model's Python decides what is run, so that it cannot be exported,
    and where eager mode takes a fused path that the export does not show.
    """
    _record_run(model, inputs, folder, record)
    try:
        write_exported_graph(exported(model, inputs), {}, folder)
    except Exception as error:  # the model's own code runs under the tracer
        record.warn(
            "torch.export cannot hold this model, so its graph is what one run executed: branches "
            f"and loops appear as they went for these inputs. The reason: {refusal(error).why}."
        )


def _record_run(model: Any, inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
    import torch

    names = [spec.name for spec in record.request.inputs]
    mark = torch.profiler.record_function  # execution traces leave the fast ranges out
    weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    record.extra["known_tensors"] = write_recorded_graph(
        model, weights, inputs, names, lambda: _module_ranges(model, mark), folder
    )
    record.extra["module_classes"] = {
        path: type(module).__name__ for path, module in model.named_modules()
    }
