"""A traced JAX program as the document of its graph, and with a tag on every operation.

XLA keeps the scopes of an operation in the metadata of all instructions that it makes of it, but
several operations of a layer have the same scopes and name. So each gets an innermost scope of its
own, which changes nothing of the program itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from profilers.captures.jax.files import GRADIENT_SCOPE, TAG

_CALLS = frozenset({
    "jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "checkpoint",
    "remat2", "custom_lin",
})  # fmt: skip
_BODIES: dict[str, dict[str, str]] = {  # parameters that hold the bodies of control flow
    "scan": {"jaxpr": "body"},
    "while": {"cond_jaxpr": "cond", "body_jaxpr": "body"},
}
_HEAVY = frozenset({"dot_general", "conv_general_dilated", "scan", "while", "cond"})
_MOST_IN_ONE = 24  # operations of a function that is shown as one operator
_LONGEST_TEXT = 200
_EINSUM = "->"  # einsum calls a scope by its equation


@dataclass
class TaggedProgram:
    """`document` is JSON; `closed` is the program with a tag on each of its nodes."""

    closed: Any
    document: dict[str, Any]


def tagged(closed: Any, arguments: Sequence[dict[str, Any]]) -> TaggedProgram:
    """The program of a ClosedJaxpr.

    Parameters
    ----------
    closed : jax.extend.core.ClosedJaxpr
    arguments : sequence of dict
        Of each argument a "name", and whether it "is_weight" and "is_of_optimiser".
    """
    writer = _Writer()
    values = {}
    for variable, argument in zip(closed.jaxpr.invars, arguments, strict=True):
        values[variable] = writer.value(variable)
        argument["value"] = values[variable]
    for variable in closed.jaxpr.constvars:
        values[variable] = writer.value(variable)
    inner = writer.body(closed.jaxpr, values, _Place())
    results = [values.get(each) for each in closed.jaxpr.outvars if _is_variable(each)]
    document = {
        "arguments": list(arguments),
        "values": writer.values,
        "nodes": writer.nodes,
        "subgraphs": writer.subgraphs,
        "results": [each for each in results if each is not None],
    }
    return TaggedProgram(closed.replace(jaxpr=inner), document)


@dataclass(frozen=True)
class _Place:
    """Where a body stands: the subgraph, and the scopes around it."""

    subgraph: int = -1
    scopes: tuple[str, ...] = ()


@dataclass
class _Writer:
    values: list[tuple[str, list[int]]] = field(default_factory=list)  # dtype and shape
    nodes: list[dict[str, Any]] = field(default_factory=list)
    subgraphs: list[tuple[str, int]] = field(default_factory=list)  # label and owner

    def value(self, variable: Any) -> int:
        shape = [
            size if isinstance(size, int) else -1 for size in getattr(variable.aval, "shape", ())
        ]
        self.values.append((str(getattr(variable.aval, "dtype", "")), shape))
        return len(self.values) - 1

    def body(self, jaxpr: Any, values: dict[Any, int], place: _Place) -> Any:
        """The same jaxpr with tags; `values` has its arguments and gets what it makes."""
        return jaxpr.replace(eqns=[self._equation(each, values, place) for each in jaxpr.eqns])

    def _equation(self, equation: Any, values: dict[Any, int], place: _Place) -> Any:
        scopes = (*place.scopes, *_scopes(equation.source_info.name_stack))
        inner = _called(equation)
        if inner is not None and _is_opened(inner[1].jaxpr):
            within = _Place(place.subgraph, _below(scopes, equation))
            return self._opened_call(equation, inner, values, within)
        number = self._node(equation, values, _Place(place.subgraph, scopes))
        stack = equation.source_info.name_stack.extend(f"{TAG}{number}")
        changed = dict(self._control(equation, values, number))
        return equation.replace(
            params={**equation.params, **changed},
            source_info=equation.source_info.replace(name_stack=stack),
        )

    def _node(self, equation: Any, values: dict[Any, int], place: _Place) -> int:
        number = len(self.nodes)
        reads = [values[each] for each in equation.invars if _is_variable(each) and each in values]
        self.nodes.append(
            {
                "operator": _operator(equation),
                "scopes": place.scopes,
                "subgraph": place.subgraph,
                "reads": reads,
                "attributes": dict(_attributes(equation.params)),
            }
        )
        makes = []
        for variable in equation.outvars:
            values[variable] = self.value(variable)
            makes.append(values[variable])
        self.nodes[number]["makes"] = makes
        return number

    def _opened_call(
        self, equation: Any, inner: tuple[str, Any], values: dict[Any, int], place: _Place
    ) -> Any:
        """A function's operations in the place of the call."""
        key, closed = inner
        known = {
            own: values[given]
            for own, given in zip(closed.jaxpr.invars, equation.invars, strict=True)
            if _is_variable(given) and given in values
        }
        jaxpr = self.body(closed.jaxpr, known, place)
        for made, own in zip(equation.outvars, closed.jaxpr.outvars, strict=True):
            if _is_variable(own) and own in known:
                values[made] = known[own]
        return equation.replace(params={**equation.params, key: closed.replace(jaxpr=jaxpr)})

    def _control(
        self, equation: Any, values: dict[Any, int], number: int
    ) -> Iterator[tuple[str, Any]]:
        """Parameters of control flow whose bodies have tags; the bodies become subgraphs."""
        name = equation.primitive.name
        for key, label in _BODIES.get(name, {}).items():
            yield key, self._subgraph(equation.params[key], label, number)
        if name == "cond":
            branches = equation.params["branches"]
            is_pair = len(branches) == 2  # the first is that of false
            several = [f"branches {each}" for each in range(len(branches))]
            labels = ["else", "then"] if is_pair else several
            yield (
                "branches",
                tuple(
                    self._subgraph(branch, label, number)
                    for branch, label in zip(branches, labels, strict=True)
                ),
            )

    def _subgraph(self, closed: Any, label: str, owner: int) -> Any:
        self.subgraphs.append((label, owner))
        place = _Place(len(self.subgraphs) - 1)
        values = {each: self.value(each) for each in closed.jaxpr.invars}
        return closed.replace(jaxpr=self.body(closed.jaxpr, values, place))


def _scopes(stack: Any) -> Iterator[str]:
    """Names from the outside in; what a transposition made stands in a scope of its own."""
    names = [each.name for each in stack.stack]
    kinds = [type(each).__name__ for each in stack.stack]
    if any(
        kind == "Transform" and name == "transpose" for kind, name in zip(kinds, names, strict=True)
    ):
        yield GRADIENT_SCOPE
    for kind, name in zip(kinds, names, strict=True):
        if kind == "Scope" and _EINSUM not in name:
            yield from (part for part in name.split("/") if part)


def _called(equation: Any) -> tuple[str, Any] | None:
    """Parameter and body of a plain call."""
    if equation.primitive.name not in _CALLS:
        return None
    found = [(key, each) for key, each in equation.params.items() if hasattr(each, "jaxpr")]
    fits = [each for each in found if len(each[1].jaxpr.invars) == len(equation.invars)]
    return fits[0] if len(found) == 1 and fits else None


def _is_opened(jaxpr: Any) -> bool:
    """True for a function with more in it than one operator of a layer."""
    names = list(_primitives(jaxpr))
    return len(names) > _MOST_IN_ONE or not _HEAVY.isdisjoint(names)


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        inner = _called(equation)
        if inner is None:
            yield equation.primitive.name
        else:
            yield from _primitives(inner[1].jaxpr)


def _below(scopes: tuple[str, ...], equation: Any) -> tuple[str, ...]:
    name = _function(equation)
    return (*scopes, name) if name else scopes


def _operator(equation: Any) -> str:
    return _function(equation) or str(equation.primitive.name)


def _function(equation: Any) -> str:
    """Name of the function that is called; "" where nothing is, or it has none."""
    inner = _called(equation)
    if inner is None:
        return ""
    name = equation.params.get("name") or ""
    if not name and len(inner[1].jaxpr.eqns) == 1:
        return _function(inner[1].jaxpr.eqns[0])
    return "" if str(name).startswith("<") else str(name).lstrip("_")


def _attributes(params: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        told = _plain(value)
        if told is not None:
            yield name, told


def _plain(value: Any) -> Any:
    """As JSON holds it; None for what is no plain value."""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, (tuple, list)):
        told = [_plain(each) for each in value]
        return None if None in told else told
    if hasattr(value, "name") and hasattr(value, "itemsize"):  # a dtype
        return str(value.name)
    return None


def _is_variable(atom: Any) -> bool:
    return not hasattr(atom, "val")


def named(names: Iterable[str]) -> list[str]:
    """Names of arguments, each once."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, number = name, 1
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        found.append(free)
    return found
