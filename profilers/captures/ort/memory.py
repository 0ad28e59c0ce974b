"""Allocations over time from the arena figures that ONNX Runtime writes beside each node.

They are of the arena on the device that the node's execution provider runs on.

``mem_bytes_requested_in_use`` is what the arena had handed out when a node ended, before its dead
inputs were given back; ``mem_requested_in_use_delta`` is how much of it came during the node. So a
rise within a node is its output, and a drop between two nodes frees buffers whose last reader ran.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from onnx import NodeProto

from profilers.captures.ort.files import CPU, ON_CUDA
from profilers.captures.ort.nodes import RanNodes
from profilers.graphs.builder import tensor_bytes
from profilers.graphs.onnx_graph import Body
from profilers.graphs.onnx_nodes import bodies_of, captured_tensors
from profilers.traces.onnxruntime_profile import Event, Span

_IN_USE = "mem_bytes_requested_in_use"
_GROWTH = "mem_requested_in_use_delta"
_DTYPES = {"float": "float32", "double": "float64"}
_LARGEST = 2**60
_MOST_SUMS = 1000
_SHARES_INPUT = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Dropout"})


class ArenaBlock(NamedTuple):
    """A buffer that a node took from the arena of its device."""

    allocated_ns: int
    freed_ns: int
    bytes: int
    owner: Span


class ArenaSample(NamedTuple):
    """What the arena reported when a node ended."""

    time_ns: int
    in_use_bytes: int
    held_bytes: int
    owner: Span


@dataclass(eq=False)
class _Buffer:
    bytes: int
    owner: Span
    arena: str
    unread: set[str] = field(default_factory=set)  # its tensors that have readers to come
    last_read_ns: int = 0


class _Reads:
    """The nodes of a body and the tensors that each reads, found once per body."""

    def __init__(self, body: Body | None) -> None:
        self.nodes = list(body.graph.node) if body else []
        self.of_node = [_tensors_read(node) for node in self.nodes]
        results = [value.name for value in body.graph.output] if body else []
        self.counts = Counter(chain(results, chain.from_iterable(self.of_node)))


class _Level:
    """One execution of a body: where each tensor lies, and how many readers are to come."""

    def __init__(self, reads: _Reads) -> None:
        self.buffers: dict[str, _Buffer] = {}
        self._readers = Counter(reads.counts)

    def hold(self, name: str, buffer: _Buffer) -> None:
        self.buffers[name] = buffer
        if self._readers[name] > 0:
            buffer.unread.add(name)

    def is_last_read(self, name: str) -> bool:
        return self._readers[name] <= 1

    def read(self, names: Iterable[str], time_ns: int) -> None:
        for name in names:
            self._readers[name] -= 1
            if self._readers[name] <= 0 and name in self.buffers:
                self.buffers[name].unread.discard(name)
                self.buffers[name].last_read_ns = time_ns


class ArenaReplay:
    """Replays runs node by node: which node's buffer lived from when to when.

    `blocks` are the buffers found; `unexplained_bytes` were freed by ONNX Runtime without a buffer
    of that size being known.
    """

    def __init__(self, nodes: RanNodes) -> None:
        self.blocks: list[ArenaBlock] = []
        self.unexplained_bytes = 0
        self._nodes = nodes
        self._reads: dict[Body | None, _Reads] = {}
        self._live: list[_Buffer] = []
        self._in_use: dict[str, int] = {}  # by arena
        self._last_end_ns = 0

    def replay(self, run: Span) -> None:
        """One run of the model; its results are given back when it ends."""
        telling = [span.event for span in run.walk() if _tells_memory(span.event)]
        if not telling:
            return
        self._in_use = {_arena(event): _before(event) for event in reversed(telling)}
        self._last_end_ns = telling[0].start_ns
        for execute in run.children:
            self._execute(execute, run)
        for buffer in list(self._live):
            self._free(buffer, run.event.end_ns)

    def _execute(self, execute: Span, holder: Span) -> list[_Buffer]:
        """Replay a body that a run or a control-flow node holds; the buffers that it leaves."""
        older = set(self._live)
        reads = self._reads_of(self._nodes.bodies.get(execute))
        level = _Level(reads)
        for span in execute.children:
            if _tells_memory(span.event):
                self._shrink_to(_before(span.event), _arena(span.event))
                self._grow_to(_before(span.event), holder, _arena(span.event))
                self._run_node(span, level, reads)
        left = [buffer for buffer in self._live if buffer not in older]
        for buffer in left:
            buffer.unread.clear()
        return left

    def _run_node(self, span: Span, level: _Level, reads: _Reads) -> None:
        within = [buffer for child in span.children for buffer in self._execute(child, span)]
        arena = _arena(span.event)
        self._shrink_to(_after(span.event), arena)
        position = self._nodes.positions.get(span)
        node = None if position is None else reads.nodes[position]
        outputs = _outputs(node, span.event)
        made = self._grow_to(_after(span.event), span, arena, [size for _, size in outputs])
        own = [*made, *reversed(within)]
        for name, size in outputs:
            buffer = next((b for b in own if b.bytes >= size and b in self._live), None)
            if buffer is None:
                buffer = self._reused(node, size, level)
            else:
                own.remove(buffer)
            if buffer is not None:
                level.hold(name, buffer)
        if position is not None:
            level.read(reads.of_node[position], span.event.end_ns)
        self._last_end_ns = span.event.end_ns

    def _reused(self, node: NodeProto | None, size: int, level: _Level) -> _Buffer | None:
        """Whose memory an output took over: its input's, or that of an earlier, dead tensor."""
        if node is None:
            return None
        inputs = [level.buffers[name] for name in node.input if name in level.buffers]
        if node.op_type in _SHARES_INPUT:
            return next((buffer for buffer in inputs if buffer in self._live), None)
        fitting = [buffer for buffer in self._live if buffer.bytes == size]
        ending = {name for name in node.input if level.is_last_read(name)}
        dying = [buffer for buffer in inputs if buffer in fitting and buffer.unread <= ending]
        return next(iter((*dying, *(b for b in fitting if not b.unread))), None)

    def _reads_of(self, body: Body | None) -> _Reads:
        if body not in self._reads:
            self._reads[body] = _Reads(body)
        return self._reads[body]

    def _grow_to(
        self, in_use: int, owner: Span, arena: str, sizes: Sequence[int] = ()
    ) -> list[_Buffer]:
        grown = in_use - self._in_use.get(arena, in_use)
        if grown <= 0:
            return []
        self._in_use[arena] = in_use
        parts = sizes if sum(sizes) == grown else [grown]
        made = [_Buffer(size, owner, arena) for size in parts if size > 0]
        self._live += made
        return made

    def _shrink_to(self, in_use: int, arena: str) -> None:
        """Free buffers that nobody will read, of the size that the arena got back in all."""
        freed = self._in_use.get(arena, in_use) - in_use
        if freed <= 0:
            return
        self._in_use[arena] = in_use
        here = [buffer for buffer in self._live if buffer.arena == arena]
        dead = sorted(
            (buffer for buffer in here if not buffer.unread),
            key=lambda buffer: -buffer.last_read_ns,
        )
        for buffer in _of_total(dead, freed) or _of_total(here, freed):
            freed -= buffer.bytes
            self._free(buffer, self._last_end_ns)
        self.unexplained_bytes += freed

    def _free(self, buffer: _Buffer, time_ns: int) -> None:
        self._live.remove(buffer)
        begin = buffer.owner.event.start_ns
        self.blocks.append(ArenaBlock(begin, max(time_ns, begin), buffer.bytes, buffer.owner))


def arena_samples(runs: Iterable[Span]) -> Iterator[ArenaSample]:
    """The arena's own figures after each node, in order of time within a run."""
    for run in runs:
        for span in run.walk():
            if _tells_memory(span.event):
                event = span.event
                yield ArenaSample(
                    event.end_ns,
                    _bytes(event, "mem_bytes_in_use"),
                    _bytes(event, "mem_arena_held"),
                    span,
                )


def _of_total(buffers: Sequence[_Buffer], total: int) -> Sequence[_Buffer]:
    """Buffers of exactly so many bytes, one or else several, the first preferred; maybe none."""
    alone = next((buffer for buffer in buffers if buffer.bytes == total), None)
    if alone is not None:
        return [alone]
    found: dict[int, tuple[_Buffer, ...]] = {0: ()}
    for buffer in buffers:
        for size, chosen in list(found.items()):
            grown = size + buffer.bytes
            if grown <= total and grown not in found:
                found[grown] = (*chosen, buffer)
        if total in found or len(found) > _MOST_SUMS:
            break
    return found.get(total, ())


def device_of(event: Event, device: str) -> str:
    """Where the memory of a node lies: `device`, which the run was asked for, or the processor's."""
    return device if _arena(event) == ON_CUDA and device.startswith("cuda") else "cpu"


def _arena(event: Event) -> str:
    return str(event.args.get("provider", CPU))


def _tells_memory(event: Event) -> bool:
    return event.is_kernel and _bytes(event, _IN_USE) >= 0 and _GROWTH in event.args


def _after(event: Event) -> int:
    return _bytes(event, _IN_USE)


def _before(event: Event) -> int:
    return _bytes(event, _IN_USE) - _signed(event, _GROWTH)


def _bytes(event: Event, key: str) -> int:
    return max(_signed(event, key, -1), -1)


def _signed(event: Event, key: str, missing: int = 0) -> int:
    try:
        value = int(event.args[key])
    except (KeyError, TypeError, ValueError):
        return missing
    return value if abs(value) < _LARGEST else missing


def _outputs(node: NodeProto | None, event: Event) -> list[tuple[str, int]]:
    """Names and bytes of a node's outputs, as far as names and shapes pair up."""
    names = [name for name in node.output if name] if node else []
    shapes = event.args.get("output_type_shape")
    if not isinstance(shapes, list) or len(shapes) != len(names):
        return []
    sizes = [
        tensor_bytes(_DTYPES.get(str(dtype), str(dtype)), sizes)
        for shape in shapes
        for dtype, sizes in (shape.items() if isinstance(shape, dict) else ())
    ]
    if len(sizes) != len(names):
        return []
    return [(name, max(size, 0)) for name, size in zip(names, sizes, strict=True)]


def _tensors_read(node: NodeProto) -> list[str]:
    inner = [name for _, body in bodies_of(node) for name in captured_tensors(body)]
    return list(dict.fromkeys(name for name in (*node.input, *inner) if name))
