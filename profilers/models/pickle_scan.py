"""Reads a pickle without executing it: every opcode is interpreted over plain records.

Nothing is imported and nothing is called. A global becomes a `Global`, a call or an object an
`Instance`, a tensor a `Tensor` with its dtype and shape. Opcodes as in CPython's `pickletools`.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from profilers.models.torch_tensors import REBUILDERS, ImpossibleTensor, Storage, storage_of

MOST_OPCODES = 3_000_000


class UnsoundPickle(ValueError):
    """The pickle is cut off, inconsistent, or larger than any model needs."""


@dataclass(frozen=True)
class Global:
    """A name that loading would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, repr=False)
class Instance:
    """What loading would make by calling `maker` with `args`, then filling it.

    It has no text of its own: a file of a few bytes can nest one into itself without end.
    """

    maker: Any
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PickleContent:
    """The outermost object, every global in the order of the file, and every block of tensor data."""

    root: Any
    globals: tuple[Global, ...]
    storages: tuple[Storage, ...]


_MARK = object()
_PLAIN = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
})  # fmt: skip
_IGNORED = frozenset({"PROTO", "FRAME"})


def scan(stream: BinaryIO) -> PickleContent:
    """Read one pickle from where the stream stands, up to its STOP.

    Raises
    ------
    UnsoundPickle
        If it is not a sound pickle, or has more than `MOST_OPCODES` opcodes.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MOST_OPCODES:
                raise UnsoundPickle(f"it has more than {MOST_OPCODES:,} opcodes")
            if opcode.name in _PLAIN:
                machine.stack.append(argument)
            elif opcode.name not in _IGNORED:
                machine.step(opcode.name, argument)
        return PickleContent(machine.stack.pop(), tuple(machine.globals), tuple(machine.storages))
    except UnsoundPickle:
        raise
    except ImpossibleTensor as error:
        raise UnsoundPickle(str(error)) from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnsoundPickle("its pickle is cut off or inconsistent") from error
    except (MemoryError, RecursionError) as error:
        raise UnsoundPickle("its pickle needs more memory than any model does") from error


def _key(key: Any) -> Any:
    """A dictionary key that hashes in constant time, whatever the file nests into it."""
    return Instance(key) if isinstance(key, (tuple, list, dict, bytearray)) else key


class _Machine:
    """The pickle machine's stack and memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.globals: dict[Global, None] = {}
        self.storages: dict[Storage, None] = {}

    def step(self, name: str, argument: Any) -> None:
        handler = _HANDLERS.get(name)
        if handler is None:
            raise UnsoundPickle(f"its pickle uses {name}, which no model file does")
        handler(self, argument)

    def marked(self) -> list[Any]:
        """Pop everything above the last mark."""
        stack = self.stack
        at = len(stack) - 1
        while stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise UnsoundPickle("its pickle lacks a mark")
        values = stack[at + 1 :]
        del stack[at:]
        return values

    def taken(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise UnsoundPickle("its pickle takes more than it holds")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    def discard(self) -> None:
        self.stack.pop()

    def discard_marked(self) -> None:
        self.marked()

    def push_global(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise UnsoundPickle("its pickle computes the name of a global")
        found = Global(module, name)
        self.globals[found] = None
        self.stack.append(found)

    def make(self, maker: Any, args: Any) -> None:
        """What REDUCE and the object opcodes would call."""
        rebuild = REBUILDERS.get((maker.module, maker.name)) if isinstance(maker, Global) else None
        if rebuild is not None and isinstance(args, tuple):
            self.stack.append(rebuild(*args))
        else:
            self.stack.append(Instance(maker, args))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Instance):
            target.state = state

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Instance):
            target.items.extend(values)

    def update(self, values: list[Any]) -> None:
        target = self.stack[-1]
        entries = target.entries if isinstance(target, Instance) else target
        if not isinstance(entries, dict):
            raise UnsoundPickle("its pickle sets an item of something that has none")
        for key, value in zip(values[::2], values[1::2], strict=True):
            entries[_key(key)] = value

    def dictionary(self, values: list[Any]) -> None:
        self.stack.append({})
        self.update(values)

    def persistent(self, identity: Any) -> None:
        """A storage, or (in the older flat form) a module's class with its source text."""
        found = storage_of(identity)
        if found is not None:
            self.storages[found] = None
            self.stack.append(found)
        elif isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module":
            self.stack.append(identity[1])
        else:
            self.stack.append(Instance("persistent id", identity))

    def instance(self, values: list[Any]) -> None:
        self.make(values[0], tuple(values[1:]))

    def inst(self, argument: str) -> None:
        args = tuple(self.marked())
        self.push_global(*argument.split(" ", 1))
        self.make(self.stack.pop(), args)

    def new_with_keywords(self) -> None:
        maker, args, keywords = self.taken(3)
        self.stack.append(Instance(maker, args, items=[keywords]))


_Handler = Callable[[_Machine, Any], None]
_HANDLERS: dict[str, _Handler] = {
    "MARK": lambda m, _: m.stack.append(_MARK),
    "STOP": lambda m, _: None,
    "POP": lambda m, _: m.discard(),
    "POP_MARK": lambda m, _: m.discard_marked(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.stack.append(m.taken(1)),
    "TUPLE2": lambda m, _: m.stack.append(m.taken(2)),
    "TUPLE3": lambda m, _: m.stack.append(m.taken(3)),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "LIST": lambda m, _: m.stack.append(m.marked()),
    "APPEND": lambda m, _: m.extend([m.stack.pop()]),
    "APPENDS": lambda m, _: m.extend(m.marked()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "DICT": lambda m, _: m.dictionary(m.marked()),
    "SETITEM": lambda m, _: m.update(list(m.taken(2))),
    "SETITEMS": lambda m, _: m.update(m.marked()),
    "EMPTY_SET": lambda m, _: m.stack.append(Instance("set")),
    "ADDITEMS": lambda m, _: m.extend(m.marked()),
    "FROZENSET": lambda m, _: m.stack.append(Instance("frozenset", tuple(m.marked()))),
    "GET": lambda m, at: m.stack.append(m.memo[at]),
    "BINGET": lambda m, at: m.stack.append(m.memo[at]),
    "LONG_BINGET": lambda m, at: m.stack.append(m.memo[at]),
    "PUT": lambda m, at: m.memo.__setitem__(at, m.stack[-1]),
    "BINPUT": lambda m, at: m.memo.__setitem__(at, m.stack[-1]),
    "LONG_BINPUT": lambda m, at: m.memo.__setitem__(at, m.stack[-1]),
    "MEMOIZE": lambda m, _: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "GLOBAL": lambda m, names: m.push_global(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.push_global(*m.taken(2)),
    "REDUCE": lambda m, _: m.make(*m.taken(2)),
    "NEWOBJ": lambda m, _: m.make(*m.taken(2)),
    "NEWOBJ_EX": lambda m, _: m.new_with_keywords(),
    "OBJ": lambda m, _: m.instance(m.marked()),
    "INST": lambda m, names: m.inst(names),
    "BUILD": lambda m, _: m.build(),
    "PERSID": lambda m, identity: m.persistent(identity),
    "BINPERSID": lambda m, _: m.persistent(m.stack.pop()),
}
