"""Whether eager mode ran what an exported program holds, told from the profiled steps themselves."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NamedTuple

from profilers.captures.pytorch.files import (
    BRANCH_MARK,
    COMPILED_REGION,
    FORWARD_RANGE,
    MODULE_MARK,
)
from profilers.captures.pytorch.traced_operators import plain_operator

Events = Callable[[], Iterable[Any]]

_STEP = "ProfilerStep#"
_SAME = 0.95  # share of the time of operators; above what the reader of a capture asks for
_TRACED = 0.8  # share of what was traced; a fused path leaves next to nothing of the layers' own
_MAY_BE_LEFT = frozenset({"aten::to", "aten::lift_fresh_copy"})


class _Ran(NamedTuple):
    """One operator or range, ordered as a program runs: what encloses others comes first."""

    start_ns: int
    negative_duration_ns: int
    name: str

    @property
    def duration_ns(self) -> int:
        return -self.negative_duration_ns


class Executed:
    """The operators of one profiled forward; none before `take`.

    Recording a run for its graph is one run of the model more, which takes as long as the model does;
    looking at the profiler's events takes 0.06 s for 20,000 of them, and is put off until it is needed.
    """

    def __init__(self) -> None:
        self._events: Events | None = None
        self._traced: Counter[str] = Counter()

    def take(self, events: Events, traced: Iterable[str] = ()) -> None:
        """What gives the profiler's events, as Kineto has them; and the names of the operators that a
        compiler traced, if one did."""
        self._events = events
        self._traced = Counter(map(plain_operator, traced))
        self.__dict__.pop("_ran", None)

    @cached_property
    def _ran(self) -> list[_Ran]:
        """All that ran on the host in the forward, ranges too."""
        from torch.autograd import DeviceType  # type: ignore[attr-defined]

        ran = sorted(
            _Ran(event.start_ns(), -event.duration_ns(), event.name())
            for event in (self._events() if self._events else ())
            if event.device_type() == DeviceType.CPU
        )
        around = _first(ran, FORWARD_RANGE) or _first(ran, _STEP)
        if around is None:
            return []
        end = around.start_ns + around.duration_ns
        return [each for each in ran if around.start_ns <= each.start_ns < end]

    @property
    def _operators(self) -> list[_Ran]:
        return [each for each in self._ran if _is_operator(each.name)]

    @property
    def names(self) -> frozenset[str]:
        """Of all operators that ran, those within others too."""
        return frozenset(each.name for each in self._operators)

    def follows(self, program: Any) -> bool:
        """Whether each operator of an exported program ran as often, and next to nothing else did.

        Or a compiler traced them, in the words of its own: what it made of them runs by other names.
        """
        wanted = Counter(_operators_of(program.graph_module))
        # What a compiler traced is told apart by the main graph alone.
        bodies = [] if self._traced else _bodies(program.graph_module)
        plain = Counter(plain_operator(name) for name in wanted.elements())
        if self._traced and (plain & self._traced).total() >= _TRACED * self._traced.total():
            return True
        operators = self._around_bodies() if bodies else self._operators
        ran = Counter(each.name for each in operators)
        if not self._ran or any(ran[name] < count for name, count in wanted.items()):
            return False
        outermost = list(_outermost(operators))
        named = {*wanted, *(name for body in bodies for name in _operators_of(body))}
        known = sum(each.duration_ns for each in outermost if each.name in named)
        return known >= _SAME * sum(each.duration_ns for each in outermost)

    def _around_bodies(self) -> list[_Ran]:
        """The operators but those that run in branches and loops: there may be more or fewer."""
        regions = _outermost(each for each in self._ran if each.name.startswith(COMPILED_REGION))
        bounds = [(each.start_ns, each.start_ns + each.duration_ns) for each in regions]
        begins = [begin for begin, _ in bounds]

        def is_inside(start_ns: int) -> bool:
            at = bisect_right(begins, start_ns) - 1
            return at >= 0 and start_ns < bounds[at][1]

        return [each for each in self._operators if not is_inside(each.start_ns)]


def events_of_one_run(call: Callable[..., Any], inputs: Sequence[Any]) -> Sequence[Any]:
    """What the profiler records of one more run, for `Executed.take`: of a model that the profiled steps
    ran in another form.

    A model that takes gradients of its own, or makes nested tensors of its inputs, cannot run in
    inference mode, and does without.
    """
    import torch

    try:
        return _events_of_run(call, inputs, torch.inference_mode)
    except RuntimeError:
        return _events_of_run(call, inputs, torch.no_grad)


def _events_of_run(
    call: Callable[..., Any],
    inputs: Sequence[Any],
    around: Callable[[], AbstractContextManager[Any]],
) -> Sequence[Any]:
    from torch.profiler import ProfilerActivity, profile, record_function

    watched = profile(activities=[ProfilerActivity.CPU])
    with around(), watched, record_function(f"{_STEP}0"):
        call(*inputs)
    recorder: Any = watched.profiler
    found: Sequence[Any] = recorder.kineto_results.events()
    return found


def _operators_of(graph_module: Any) -> list[str]:
    """The operators that a graph runs, as often as it names them; not those of its bodies."""
    from torch._ops import OpOverload

    return [
        node.target._schema.name
        for node in graph_module.graph.nodes
        if isinstance(node.target, OpOverload) and not _may_be_left(node.target._schema.name)
    ]


def _bodies(graph_module: Any) -> list[Any]:
    """Bodies of branches, loops and the like, those within bodies too."""
    from torch.fx import GraphModule

    return [each for each in graph_module.modules() if isinstance(each, GraphModule)][1:]


def _first(ran: Iterable[_Ran], name: str) -> _Ran | None:
    return next((each for each in ran if each.name.startswith(name)), None)


def _is_operator(name: str) -> bool:
    space, found, rest = name.partition("::")
    is_operator = bool(found) and space.isidentifier() and rest.isidentifier()
    return is_operator and not name.startswith((MODULE_MARK, BRANCH_MARK))


def _may_be_left(name: str) -> bool:
    """What export writes down and eager mode need not run."""
    return name in _MAY_BE_LEFT or name.startswith("aten::_assert")


def _outermost(operators: Iterable[_Ran]) -> Iterable[_Ran]:
    end = 0
    for each in operators:
        if each.start_ns >= end:
            end = each.start_ns + each.duration_ns
            yield each
