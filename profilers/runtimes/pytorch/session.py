"""What a run of a PyTorch model works on: the model as it was loaded, and what was asked of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.device import waited_for
from profilers.runtimes.pytorch.executed import Events
from profilers.runtimes.pytorch.inputs import given_inputs, weights_channels_last
from profilers.runtimes.pytorch.options import AUTOCAST, MEMORY_FORMAT, chosen
from profilers.runtimes.pytorch.steps import Forward, Ranges, Work, work_of

WORKER_ENVIRONMENT = {"KINETO_LOG_LEVEL": "99"}  # else each start and stop prints a line
PROFILED = ("torch._inductor.config",)  # imported by the profiler, 1.2 s
PRELOADED = (*PROFILED, "torch.export._trace", "torch._inductor.ir")  # and by the graph, 0.25 s


_OF_INFERENCE_MODE = ("Inference tensors", "inference mode", "does not require grad")
_OF_FUSED_ENCODERS = "expected scalar type Float but found"


def _positional(inputs: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    return tuple(inputs), {}


def not_looked_at(events: Events, traced: Iterable[str] = ()) -> None:
    """What the profiler recorded tells this model nothing."""


@contextmanager
def _operator_by_operator() -> Iterator[None]:
    """Inference without the fused paths of attention and encoder layers."""
    from torch import inference_mode
    from torch.backends import mha

    was_enabled = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        with inference_mode():
            yield
    finally:
        mha.set_fastpath_enabled(was_enabled)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run.

    Parameters
    ----------
    call : callable
        Takes the input tensors in order; the plain model, for the honest latency.
    profiled_call : callable
        The same with ranges that tell the model's nodes or modules.
    write_graph : callable
        Takes the inputs, the capture folder and the record; leaves the authored graph.
    owner : torch.nn.Module
        What holds the weights.
    marking : callable
        A context in which `profiled_call` has its ranges.
    arguments : callable
        The positional and named arguments that `owner` takes, from the inputs in order.
    settle_inputs : callable
        Takes the request and the device; gives the request with the inputs as they are used, and
        their tensors in the order that `call` takes them.
    sweeping : callable
        A context around steps of other sizes than the run's.
    rebuilt : callable or None
        Takes a session with inputs of other sizes and gives the model for these; None where one model
        takes all sizes.
    notes : tuple of (str, str)
        What to know about how the model was made: message and remedy.
    look_at : callable
        Takes what gives the profiler's events, once the steps are profiled, and the operators that a
        compiler traced.
    """

    call: Callable[..., Any]
    profiled_call: Callable[..., Any]
    write_graph: Callable[[Sequence[Any], Path, RunRecord], None]
    owner: Any
    marking: Callable[[], AbstractContextManager[Any]] = nullcontext
    arguments: Callable[[Sequence[Any]], tuple[Any, dict[str, Any]]] = _positional
    settle_inputs: Callable[[RunRequest, Any], tuple[RunRequest, list[Any]]] = given_inputs
    sweeping: Callable[[], AbstractContextManager[Any]] = nullcontext
    rebuilt: Callable[["Session"], "LoadedModel"] | None = None
    notes: tuple[tuple[str, str], ...] = ()
    look_at: Callable[..., None] = not_looked_at


@dataclass
class Session:
    """One run: what was asked, what is there by now, and what is to be told of it."""

    request: RunRequest
    folder: Path
    report: Reporter
    record: RunRecord
    device: Any
    inputs: list[Any] = field(default_factory=list)
    _model: LoadedModel | None = None
    _work: Work | None = None
    _around: Callable[[], AbstractContextManager[Any]] | None = None  # instead of the work's own

    @property
    def model(self) -> LoadedModel:
        assert self._model is not None  # `load` comes first
        return self._model

    @property
    def work(self) -> Work:
        assert self._work is not None
        return replace(self._work, around=self._around) if self._around else self._work

    def take(self, model: LoadedModel) -> None:
        """From here on this model runs, laid out and put to work as the options say."""
        self._model = model
        self._lay_out(model.owner)
        self._work = work_of(self.request.options, model.owner, self.inputs)
        precision = chosen(self.request.options, AUTOCAST)
        lower = {} if precision == "off" else {"Autocast": precision}
        self.record.facts = {**self.record.facts, **self._work.facts, **lower}

    def leaves_inference_mode(self, error: RuntimeError) -> bool:
        """Whether a model that takes gradients of its own runs on without inference mode.

        Such are those that give forces as the derivative of an energy.
        """
        import torch

        is_of_it = any(sign in str(error) for sign in _OF_INFERENCE_MODE)
        if self.work.around is not torch.inference_mode or not is_of_it:
            return False
        self._around = torch.no_grad
        return True

    def leaves_fused_encoders(self, error: RuntimeError) -> bool:
        """Whether a model of encoders with padding runs on operator by operator.

        PyTorch takes its fused path for encoder layers under the CPU's autocast, as it does under no
        GPU's, and has no kernels for what comes of that.
        """
        import torch

        encoders = torch.nn.TransformerEncoderLayer
        if (
            _OF_FUSED_ENCODERS not in str(error)
            or self.work.around is not torch.inference_mode
            or not any(isinstance(each, encoders) for each in self.model.owner.modules())
        ):
            return False
        self._around = _operator_by_operator
        self.record.warn(
            "PyTorch's fused path for encoder layers with padding does not take autocast on the CPU: "
            "the run has their operators one by one, as under a GPU's autocast.",
            "Your own program needs torch.backends.mha.set_fastpath_enabled(False) for this.",
        )
        return True

    def step(self, call: Forward, ranges: Ranges) -> Callable[[], None]:
        """One step that returns only when its result is there."""
        return waited_for(self.work.step(self.in_precision(call), ranges), self.device)

    def in_precision(self, call: Forward) -> Forward:
        """The call under the autocast that was asked for."""
        import torch

        precision = chosen(self.request.options, AUTOCAST)
        if precision == "off":
            return call
        dtype, kind = getattr(torch, precision), self.device.type

        def lower(*inputs: Any) -> Any:
            with torch.autocast(kind, dtype=dtype):
                return call(*inputs)

        return lower

    def _lay_out(self, owner: Any) -> None:
        if chosen(self.request.options, MEMORY_FORMAT) != "channels-last":
            return
        count = weights_channels_last(owner)
        self.record.facts["Memory format"] = f"channels-last, weights of {count} convolutions"
