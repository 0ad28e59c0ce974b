"""Runs an exported program, from a file or of a module, node by node where it is profiled."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import NODE_MARK
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.eager import load_module, record_alone, record_instead
from profilers.runtimes.pytorch.exported_graph import write_exported_graph
from profilers.runtimes.pytorch.programs import exported, is_program, load_program, refusal
from profilers.runtimes.pytorch.running import built_by, for_each_size, run_model
from profilers.runtimes.pytorch.session import PRELOADED, WORKER_ENVIRONMENT, LoadedModel, Session

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture an exported program; a pickled module is exported on the spot.

    The measured steps run the program whole, without any range. A module that cannot be exported
    runs operator by operator.

    Raises
    ------
    TrustRequired
        If nobody agreed to loading the pickle.
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    if is_program(Path(request.model_path)):
        return run_model(request, folder, report, load_program_model)
    return run_model(
        request, folder, report, load_module, built_by(for_each_size(_exported_module))
    )


def load_program_model(request: RunRequest, device: Any) -> LoadedModel:
    """The program of a file, run node by node where it is profiled."""
    return program_model(load_program(request, device))


def _exported_module(model: LoadedModel, session: Session) -> LoadedModel:
    session.report.progress("compile: torch.export traces the model", 0.0)
    try:
        program = exported(model.owner, session.inputs)
    except Exception as error:  # the model's own code runs under the tracer
        refused = refusal(error)
        session.record.warn(
            f"torch.export cannot hold this model ({refused.why}), so it ran operator by operator: its "
            "times are those of PyTorch eager, and its graph is what one run executed, with branches "
            "and loops as they went for these inputs.",
            refused.remedy,
        )
        return replace(model, write_graph=partial(record_alone, model.owner))
    return program_model(program)


def program_model(program: Any) -> LoadedModel:
    """A program ready to run, with a range for each node where it is profiled."""
    import torch
    from torch.utils import _pytree as pytree

    module = program.module()
    marked = marked_interpreter(module)

    def arguments(inputs: Sequence[Any]) -> tuple[Any, Any]:
        positional, named = pytree.tree_unflatten(list(inputs), program.call_spec.in_spec)
        return positional, named

    def plain(*inputs: Any) -> Any:
        positional, named = arguments(inputs)
        return module(*positional, **named)

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        def values() -> dict[str, Any]:
            with torch.inference_mode():
                return recorded_values(module, inputs)

        try:
            write_exported_graph(program, values, folder)
        except Exception as error:  # of operators that PyTorch cannot write down
            record_instead(error, module, inputs, folder, record)

    return LoadedModel(plain, marked.run, write_graph, module, arguments=arguments)


def marked_interpreter(module: Any) -> Any:
    """An interpreter of a graph module that wraps each operator in a range with the node's name.

    A node inside a branch or loop body is named ``owner/branch/node``, branches counted from 0.
    """
    import torch
    from torch.fx import GraphModule, Interpreter

    mark = torch._C._profiler._RecordFunctionFast

    class Marked(Interpreter):
        def __init__(self, module: Any, prefix: str = "") -> None:
            super().__init__(module)
            self._prefix = prefix
            self._bodies = _bodies(module)

        def run_node(self, n: Any) -> Any:
            if n.op != "call_function":
                result = super().run_node(n)
                if n.op == "get_attr" and isinstance(result, GraphModule):
                    return self._marked_body(n.name, result)
                return result
            with mark(f"{NODE_MARK}{self._prefix}{n.name}"):
                return super().run_node(n)

        def _marked_body(self, name: str, body: Any) -> Any:
            if name not in self._bodies:
                return body
            owner, branch = self._bodies[name]
            return _callable(Marked(body, f"{self._prefix}{owner}/{branch}/"), body)

    return Marked(module)


def _bodies(module: Any) -> dict[str, tuple[str, int]]:
    """By get_attr node of a body: the operator that owns it, and which of its bodies it is."""
    from torch.fx import GraphModule, Node

    found = {}
    for node in module.graph.nodes:
        if node.op == "call_function":
            bodies = [
                argument.name
                for argument in node.args
                if isinstance(argument, Node)
                and argument.op == "get_attr"
                and isinstance(getattr(module, str(argument.target), None), GraphModule)
            ]
            found.update({name: (node.name, branch) for branch, name in enumerate(bodies)})
    return found


def _callable(interpreter: Any, body: Any) -> Any:
    """A graph module that runs through an interpreter: operators want a module as body."""
    from torch.fx import GraphModule

    class Body(GraphModule):
        def forward(self, *inputs: Any) -> Any:
            return interpreter.run(*inputs)

    marked = Body(body, body.graph)
    marked.__dict__["forward"] = interpreter.run  # a graph module makes its own class's forward
    return marked


def recorded_values(module: Any, inputs: Sequence[Any]) -> dict[str, Any]:
    """Results of the main graph's nodes by name, in one more run; only their sizes are used."""
    from torch.fx import Interpreter

    sizes: dict[str, Any] = {}

    class Recording(Interpreter):
        def run_node(self, n: Any) -> Any:
            result = super().run_node(n)
            if hasattr(result, "shape"):
                sizes[n.name] = _Sized(tuple(result.shape))
            return result

    Recording(module).run(*inputs)
    return sizes


class _Sized:
    """The sizes of a tensor that is gone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
