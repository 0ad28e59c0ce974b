"""Arguments of forward that hold tensors in dictionaries, lists, tuples and data classes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def named_tensors(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of an argument: ``batch_ids`` is ``batch["ids"]``, ``states_0`` ``states[0]``."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, value
    for part, inner in _parts(value):
        yield from named_tensors(f"{name}_{part}", inner)


def filled(name: str, value: Any, tensors: Mapping[str, Any]) -> Any:
    """The argument with its tensors replaced by those that are given, by their names."""
    import torch

    if isinstance(value, torch.Tensor):
        return tensors.get(name, value)
    parts = [(part, filled(f"{name}_{part}", inner, tensors)) for part, inner in _parts(value)]
    if not parts:
        return value
    if _is_data(value):
        return _with_fields(value, parts)
    if isinstance(value, Mapping):
        return dict(zip(value, (inner for _, inner in parts), strict=True))
    made = [inner for _, inner in parts]
    return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)


def _is_data(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, (type, Mapping))


def _with_fields(value: Any, told: Iterable[tuple[Any, Any]]) -> Any:
    """Another of the class, made past its own `__init__`, which may check or compute fields."""
    made = object.__new__(type(value))
    for name, field in told:
        object.__setattr__(made, name, field)  # as frozen ones do it
    return made


def _parts(value: Any) -> Iterable[tuple[object, Any]]:
    if _is_data(value):
        return ((each.name, getattr(value, each.name)) for each in fields(value))
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()
