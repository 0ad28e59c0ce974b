"""Runs a TorchScript module, from a file or traced of a pickled module on the spot."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import PYTHON_FUNCTIONS
from profilers.errors import CaptureFailed, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import conversion_failure, load_failure
from profilers.runtimes.pytorch.options import FOLDING, FUSER, OPTIMISE, RUN, TRAINING, chosen
from profilers.runtimes.pytorch.outputs import tensors_alone
from profilers.runtimes.pytorch.programs import is_script
from profilers.runtimes.pytorch.running import built_by, for_each_size, run_model
from profilers.runtimes.pytorch.saved_device import moved_here
from profilers.runtimes.pytorch.script_fuser import (
    executed_graphs,
    fusing,
    optimised,
    tell_interpreted,
)
from profilers.runtimes.pytorch.script_graph import (
    python_functions,
    write_executed_graph,
    write_script_graph,
)
from profilers.runtimes.pytorch.session import PROFILED, WORKER_ENVIRONMENT, LoadedModel, Session

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]

PRELOADED = PROFILED

_COMPILES_ITSELF = "torch.jit.trace a dynamo-optimized function"
_OTHER_RESULTS = ("Tracer cannot infer type of", "Only tensors, lists, tuples")  # begin its errors
_MODES = ("training", "train")  # arguments that tell an operator whether it trains


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a step of a TorchScript module; a pickled module is traced on the spot.

    Raises
    ------
    TrustRequired
        If nobody agreed to loading the pickle.
    TwinscopeError
        If it cannot be loaded, traced, trained or run with the inputs.
    """
    if _trains(request):
        _require_unfrozen(request)
    fuser = chosen(request.options, FUSER)
    with fusing(fuser):
        record = _run(request, folder, report)
    tell_interpreted(record, fuser)
    return record


def _run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    if is_script(Path(request.model_path)):
        return run_model(request, folder, report, _load)
    return run_model(request, folder, report, load_module, built_by(for_each_size(_traced)))


def _load(request: RunRequest, device: Any) -> LoadedModel:
    import torch

    load: Any = torch.jit.load  # has no type hints
    try:
        module = load(request.model_path, map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise load_failure(
            error, Path(request.model_path), "Save it again with torch.jit.save."
        ) from error
    notes = moved_here(Path(request.model_path), device)
    if _trains(request):
        _require_weights(module, Path(request.model_path))
        notes = (*notes, *_fixed_to_inference(module))
    return replace(_script_model(module, request), notes=notes)


def _traced(model: LoadedModel, session: Session) -> LoadedModel:
    """What one run of the module did, which is what it does from now on."""
    try:
        module, told = _trace_of(model.owner, session.inputs)
    except Exception as error:  # the model's own code runs under the tracer
        what = "torch.jit.trace cannot follow this model"
        if _COMPILES_ITSELF in str(error):
            raise CaptureFailed(
                what,
                "it has parts of it compiled, by torch.compile or by torch.cond and the like, which "
                "TorchScript has no form for",
                "Run it as PyTorch eager, compiled or exported program.",
            ) from error
        raise conversion_failure(
            what, error, "Run it as PyTorch eager, or save it with torch.jit.script."
        ) from error
    fixed = [each for each in told if each.category.__name__ == "TracerWarning"]
    if fixed:
        places = ", ".join(dict.fromkeys(f"{Path(w.filename).name}:{w.lineno}" for w in fixed))
        session.record.warn(
            f"Tracing fixed what depends on the data as it went for these inputs ({places}); other "
            "inputs would go another way in the module itself.",
            "Save the module with torch.jit.script to keep branches and loops.",
        )
    return _script_model(module, session.request)


def _trace_of(owner: Any, inputs: Sequence[Any]) -> tuple[Any, list[warnings.WarningMessage]]:
    """A trace and what the tracer told; of results that it does not know, the tensors alone."""
    import torch

    trace: Any = torch.jit.trace  # has no type hints
    with torch.no_grad(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            return trace(owner, tuple(inputs), check_trace=False, strict=False), told
        except RuntimeError as error:
            if not str(error).startswith(_OTHER_RESULTS):
                raise
        told.clear()
        with tensors_alone(owner):
            return trace(owner, tuple(inputs), check_trace=False, strict=False), told


def _trains(request: RunRequest) -> bool:
    return chosen(request.options, RUN) == TRAINING


def _require_unfrozen(request: RunRequest) -> None:
    how = chosen(request.options, OPTIMISE)
    if how != "off":
        raise TwinscopeError(
            "The model cannot be trained",
            f"the setting Optimise is {how}, which makes constants of its weights",
            "Choose off for Optimise, or run its inference.",
        )


def _require_weights(module: Any, path: Path) -> None:
    if not any(True for _ in module.parameters()):
        raise TwinscopeError(
            "The model cannot be trained",
            f"{path.name} holds no parameters: torch.jit.freeze and optimize_for_inference make "
            "constants of them",
            "Save the scripted module before it is frozen, or run its inference.",
        )


def _fixed_to_inference(module: Any) -> tuple[tuple[str, str], ...]:
    """What to know of operators that a trace in inference mode left in that mode."""
    import torch

    fixed, graph = set(), module.inlined_graph
    for node in (*graph.findAllNodes("aten::batch_norm"), *graph.findAllNodes("aten::dropout")):
        schema = torch._C.parse_schema(node.schema())
        names = [argument.name for argument in schema.arguments]
        for name, value in zip(names, node.inputs(), strict=False):
            if name in _MODES and value.node().kind() == "prim::Constant" and not value.toIValue():
                fixed.add(node.kind().removeprefix("aten::"))
    if not fixed:
        return ()
    told = (
        f"The module was traced in inference mode, and {' and '.join(sorted(fixed))} stay in it: this "
        "step trains the other operators.",
        "Trace the module after model.train(), or save it with torch.jit.script.",
    )
    return (told,)


def _script_model(module: Any, request: RunRequest) -> LoadedModel:
    import torch
    from torch.utils import _pytree as pytree

    how = chosen(request.options, OPTIMISE)
    ran = optimised(module, how)
    context = torch.enable_grad if _trains(request) else torch.inference_mode

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        with context():
            results = [
                each.detach() for each in pytree.tree_leaves(module(*inputs)) if _is_tensor(each)
            ]
            ran(*inputs)
            executed, differentiable = executed_graphs(ran)
        write_script_graph(module, results, folder)
        record.extra[PYTHON_FUNCTIONS] = python_functions(module)
        write_executed_graph(module, executed, folder, differentiable, optimised=how in FOLDING)

    return LoadedModel(ran, ran, write_graph, module)


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)
