"""The order in which TFLite runs a model once delegates have taken their parts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Unit:
    """What the interpreter runs as one: an operator, or all those that a delegate took."""

    operators: tuple[int, ...]
    is_delegated: bool


@dataclass(frozen=True)
class TfliteRun:
    """What the worker told.

    Parameters
    ----------
    delegate : str
        Name of the delegate, "" without one.
    step_starts_ns : sequence of int
        On the worker's clock.
    alone_ns : sequence of int
        Time of each operator alone, -1 if not known.
    can_be_delegated : sequence of bool
        Whether the delegate takes each operator when it is alone.
    units : tuple of Unit
        In the order in which they run.
    """

    delegate: str
    step_starts_ns: Sequence[int]
    alone_ns: Sequence[int]
    can_be_delegated: Sequence[bool]
    units: tuple[Unit, ...]


def read_run(path: Path) -> TfliteRun:
    """What the worker left.

    Raises
    ------
    ValueError, KeyError, TypeError, OSError
        If it is not what a worker writes.
    """
    told = json.loads(path.read_bytes())
    alone = [(int(each["median_ns"]), bool(each["is_delegated"])) for each in told["alone"]]
    if len(alone) != len(told["operators"]):
        raise ValueError("operators and their times do not pair up")
    return TfliteRun(
        str(told["delegate"]),
        [int(each) for each in told["step_starts_ns"]],
        [time for time, _ in alone],
        [can for _, can in alone],
        units_of(told["operators"], told["partitions"]),
    )


def units_of(
    operators: Sequence[Mapping[str, Any]], partitions: Sequence[Mapping[str, Any]]
) -> tuple[Unit, ...]:
    """The delegates' parts and the operators left, in an order that their tensors allow.

    A partition tells only the tensors that it reads and makes; it holds what lies between.
    """
    makers = {
        tensor: at
        for at, each in enumerate(operators)
        for tensor in each["outputs"]
        if tensor >= 0  # -1: left out
    }
    units = []
    taken: set[int] = set()
    for partition in partitions:
        members = _between(operators, makers, partition) - taken
        taken |= members
        if members:
            units.append(Unit(tuple(sorted(members)), True))
    units += [Unit((at,), False) for at in range(len(operators)) if at not in taken]
    units.sort(key=lambda unit: unit.operators[-1])
    unit_of = {at: number for number, unit in enumerate(units) for at in unit.operators}
    waits_for = {
        number: {
            unit_of[makers[tensor]]
            for at in unit.operators
            for tensor in operators[at]["inputs"]
            if tensor in makers and unit_of[makers[tensor]] != number
        }
        for number, unit in enumerate(units)
    }
    try:
        return tuple(units[number] for number in TopologicalSorter(waits_for).static_order())
    except CycleError as error:
        raise ValueError("its operators wait for each other") from error


def _between(
    operators: Sequence[Mapping[str, Any]],
    makers: Mapping[int, int],
    partition: Mapping[str, Any],
) -> set[int]:
    given = set(partition["inputs"])
    found: set[int] = set()
    waiting = [tensor for tensor in partition["outputs"] if tensor in makers]
    while waiting:
        maker = makers[waiting.pop()]
        if maker not in found:
            found.add(maker)
            read = operators[maker]["inputs"]
            waiting += [t for t in read if t in makers and t not in given]
    return found
