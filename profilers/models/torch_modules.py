"""The module tree of a pickled model, from records of what its pickle would make."""

from typing import Any

from profilers.graphs.module_tree import LONGEST_PATH, MOST_MODULES, Module, ModuleTensor
from profilers.models.pickle_scan import Global, Instance, UnsoundPickle
from profilers.models.torch_tensors import Tensor

_GRAPH_MODULE = "reduce_graph_module"
_LONGEST_TEXT = 200


def is_module(value: Any) -> bool:
    """True for a record of an ``nn.Module``."""
    return isinstance(value, Instance) and isinstance(_state(value).get("_modules"), dict)


def module_tree(root: Instance) -> Module:
    """Modules with their classes, plain attributes, parameters and buffers.

    Raises
    ------
    UnsoundPickle
        If there are more of them, or deeper ones, than any model has.
    """
    return _Reader().read(root, "")


def _state(value: Instance) -> dict[Any, Any]:
    """The attributes that unpickling would set; an ``fx.GraphModule`` passes them as an argument."""
    state = value.state
    if isinstance(state, tuple) and state:
        state = state[0]
    is_graph = isinstance(value.maker, Global) and value.maker.name == _GRAPH_MODULE
    if not isinstance(state, dict) and is_graph and value.args:
        state = value.args[0]
    return state if isinstance(state, dict) else {}


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def read(self, value: Instance, path: str) -> Module:
        self._count += 1
        if self._count > MOST_MODULES or len(path) > LONGEST_PATH:
            raise UnsoundPickle("it holds more modules, or deeper ones, than any model does")
        state = _state(value)
        children = [
            self.read(child, f"{path}.{name}".removeprefix("."))
            for name, child in state.get("_modules", {}).items()
            if is_module(child)
        ]
        return Module(
            path,
            str(value.maker) if isinstance(value.maker, Global) else "?",
            plain_attributes(state),
            tuple(_tensors(state)),
            tuple(children),
        )


def _tensors(state: dict[Any, Any]) -> list[ModuleTensor]:
    found = []
    for table in ("_parameters", "_buffers"):
        values = state.get(table)
        for name, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, Tensor):
                found.append(ModuleTensor(str(name), value.dtype, value.shape, value.identity))
    return found


def plain_attributes(state: dict[Any, Any]) -> dict[str, Any]:
    """Public numbers, short texts and short tuples of numbers."""
    return {
        name: value
        for name, value in state.items()
        if isinstance(name, str) and not name.startswith("_") and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return 0 < len(value) <= 16 and all(_is_number(item) for item in value)
    return _is_number(value) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)
