"""What execution providers took of a model: whole parts that one compiled, and what was left."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.captures.ort.files import CPU, short_name
from profilers.captures.ort.fusion import Provenance
from profilers.graphs.onnx_graph import Body
from profilers.traces.onnxruntime_profile import RUN, Span

_NUMBER = re.compile(r"_(\d+)$")


@dataclass(frozen=True)
class Partition:
    """A part of the model that a provider runs as one kernel.

    Parameters
    ----------
    provider : str
    nodes : tuple of int
        Authored nodes.
    rows : tuple of int
        Nodes of the optimised graph.
    """

    provider: str
    nodes: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Assignment:
    """`partitions` in the order of their kernels' numbers; `left` are authored nodes on the CPU."""

    partitions: tuple[Partition, ...] = ()
    left: tuple[int, ...] = ()
    asked: tuple[str, ...] = ()  # providers that could have taken what was left

    @property
    def taken_rows(self) -> set[int]:
        return {row for each in self.partitions for row in each.rows}


def read_assignment(path: Path, optimised: Body, provenance: Provenance) -> Assignment:
    """What the worker told of the providers; nothing if only the CPU was asked.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the file is not what a worker writes.
    """
    if not path.is_file():
        return Assignment()
    told = json.loads(path.read_bytes())
    rows = _Rows(optimised)
    partitions: list[Partition] = []
    left: list[int] = []
    for part in told["parts"]:
        found = [row for node in part["nodes"] for row in rows.of(node)]
        nodes = dict.fromkeys(n for row in found for n in provenance.origins.get(row, ()))
        if str(part["provider"]) == CPU:
            left += nodes
        elif told["is_compiled"]:
            partitions.append(Partition(str(part["provider"]), tuple(nodes), tuple(found)))
    return Assignment(tuple(partitions), tuple(dict.fromkeys(left)), tuple(map(str, told["asked"])))


def kernels_of(spans: Iterable[Span], assignment: Assignment) -> dict[Span, int]:
    """Which partition each kernel of a provider ran.

    ONNX Runtime numbers these kernels in the order in which it lists their parts.
    """
    kernels = [
        span for root in spans if root.event.name == RUN for span in root.walk() if _is_part(span)
    ]
    numbers = sorted({_number(span) for span in kernels})
    known = len(assignment.partitions)
    if not numbers or (numbers[-1] >= known and len(numbers) != known):
        return {}
    is_own = numbers[-1] < known
    return {span: _number(span) if is_own else numbers.index(_number(span)) for span in kernels}


class _Rows:
    """Rows of the optimised graph by what ONNX Runtime calls its nodes."""

    def __init__(self, body: Body) -> None:
        self._named: dict[tuple[str, str], list[int]] = {}
        for row, node in zip(body.rows, body.graph.node, strict=True):
            self._named.setdefault((node.name, node.op_type), []).append(row)

    def of(self, node: Mapping[str, Any]) -> Sequence[int]:
        name = str(node["name"])
        found = self._named.get((name, str(node["operator"])), ())
        return found if name or len(found) == 1 else ()


def _is_part(span: Span) -> bool:
    provider = str(span.event.args.get("provider", ""))
    return span.event.is_kernel and provider not in ("", CPU) and _number(span) >= 0


def _number(span: Span) -> int:
    found = _NUMBER.search(span.event.node_name)
    is_part = span.event.node_name.startswith(f"{span.event.args.get('provider', '')}_")
    return int(found[1]) if found and is_part else -1


def rows_of_breaks(assignment: Assignment) -> Iterator[tuple[str, str, int]]:
    """Kind, reason and authored node of all that no provider before the CPU took."""
    if assignment.asked:
        asked = " and ".join(map(short_name, assignment.asked))
        for node in assignment.left:
            yield "fallback", f"{asked} did not take it; the CPU's own kernels run it.", node
