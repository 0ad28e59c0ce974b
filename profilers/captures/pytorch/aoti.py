"""What AOTInductor made of a model: its kernels, their authored nodes, and their slices."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.nested_program import Step, laid_out
from profilers.captures.pytorch.bodies import IN_BODY, parted
from profilers.captures.pytorch.compiled import Compiled
from profilers.captures.pytorch.files import PACKAGE_CODE_FILE, PACKAGE_FILE
from profilers.captures.pytorch.links import node_rows, outermost_operators, readers_of_weights
from profilers.captures.scope_trails import common_trail
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.builder import GraphBuilder
from profilers.profile import (
    UNKNOWN,
    Diagnostic,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    Memory,
    NodeKind,
    Severity,
    SliceKind,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32
from profilers.traces.chrome_trace import ChromeTrace

STAGE = "AOTInductor"
PACKAGED = "aoti_torch_"  # how an operator's name begins that a package calls as it is
_WITH_MARKS = (
    'Compile it with aoti_compile_and_package(..., inductor_configs={"cpp.enable_kernel_profile": True}), '
    "or open the program or module that it was made of: that is compiled with marks here."
)
_HANDLE = re.compile(r"(?P<name>.+):(?P<number>\d+)")
_TRACED = re.compile(r"(?:graph_\d+_)?(?P<name>.+)")
_SOURCE_BEGINS = re.compile(r'^extern "C"\s+void\s+(?P<name>\w+)\(', re.MULTILINE)


@dataclass(frozen=True)
class Kernel:
    """One call of a kernel, in the order in which the package calls them."""

    handle: str
    name: str
    members: tuple[int, ...]  # authored nodes
    body: str = ""  # ``cond/0`` for one in the first body of `cond`, "" in the main graph

    @property
    def kind(self) -> str:
        if self.name.startswith("triton_"):
            return "Triton"
        return "C++/OpenMP" if self.name.startswith("cpp_") else "extern"


def is_package_alone(folder: Path) -> bool:
    """Whether the capture is of a package whose graph is that of its kernels."""
    return (folder / PACKAGE_CODE_FILE).is_file()


def is_packaged(folder: Path) -> bool:
    """Whether the capture is of a model that was packaged for it."""
    return (folder / PACKAGE_FILE).is_file()


def read_packaged(folder: Path, authored: Graph, found: ChromeTrace, slices: Slices) -> Compiled:
    """The kernels as a stage of their own, each tied to authored nodes and to its slices.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, AttributeError
        If the record of the package is missing or damaged.
    """
    document: dict[str, Any] = json.loads((folder / PACKAGE_FILE).read_text())
    strings = found.pool.table()
    kernels = _kernels(document["kernels"], authored, strings)
    stage, rows = _stage(kernels, authored, strings, found.pool)
    groups, nodes = _links(kernels, authored, slices, found.pool.table())
    fusion = _fusion(kernels, rows, _sources(document["sources"]), found.pool)
    return Compiled((stage,), fusion, nodes, groups, ())


def linked_package(graph: Graph, slices: Slices, strings: StringTable) -> Int32:
    """Nodes of slices where the graph itself is that of a package's kernels."""
    kernels = [
        Kernel(strings[int(graph.nodes.name[row])], strings[int(graph.nodes.operator[row])], (row,))
        for row in np.flatnonzero(graph.nodes.kind == NodeKind.OPERATOR).tolist()
    ]
    return _links(kernels, graph, slices, strings)[1]


def unmarked_kernels(graph: Graph, strings: StringTable, nodes: Int32) -> tuple[Diagnostic, ...]:
    """What is lost where a package was compiled without marks around its kernels.

    Parameters
    ----------
    graph : Graph
        Of the package's kernels.
    nodes : int32 array
        Of each slice.
    """
    operators = [strings[row] for row in graph.nodes.operator.tolist()]
    kernels = [row for row, operator in enumerate(operators) if operator.startswith("cpp_")]
    if not kernels or np.isin(kernels, nodes).any():
        return ()
    message = (
        f"This package was compiled without marks around its kernels, so its {len(kernels)} generated "
        "kernels are in no trace: their time is missing from operators and nodes, and what they "
        "allocate counts for the next operator that is called."
    )
    return (Diagnostic(Severity.WARNING, message, _WITH_MARKS),)


def made_for_next(memory: Memory, slices: Slices) -> Memory:
    """Buffers that no operator allocated belong to the kernel that runs next: it fills them.

    Parameters
    ----------
    slices : Slices
        With their nodes.
    """
    linked = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.node >= 0))
    linked = linked[np.argsort(slices.start_ns[linked], kind="stable")]
    blocks = memory.allocations
    following = np.searchsorted(slices.start_ns[linked], blocks.allocated_ns)
    makers = np.append(slices.node[linked], -1)[following]
    wanted = (blocks.slice >= 0) & (blocks.node < 0)
    return replace(memory, allocations=blocks.replace(node=np.where(wanted, makers, blocks.node)))


def _kernels(told: dict[str, Any], authored: Graph, strings: StringTable) -> list[Kernel]:
    by_name, readers = node_rows(authored, strings), _readers(authored, strings)
    numbered = []
    for handle, each in told.items():
        match = _HANDLE.fullmatch(handle)
        if match is None:
            continue
        posts = each["post_grad_nodes"]
        paths = [path for post in posts if (path := parted(post)[1])]
        body = max((path.rpartition(IN_BODY)[0] for path in paths), key=len, default="")
        own = [path for path in paths if path.rpartition(IN_BODY)[0] == body]
        made_of = {by_name[name] for name in own or each["pre_grad_nodes"] if name in by_name}
        owner = body.rpartition(IN_BODY)[0]
        if owner in by_name and not made_of:
            made_of = {by_name[owner]}
        if not made_of:  # a copy of weights, for their readers
            made_of = {node for name in posts for node in readers.get(name, ())}
        kernel = Kernel(handle, match["name"], tuple(sorted(made_of)), body)
        numbered.append((int(match["number"]), kernel))
    return [kernel for _, kernel in sorted(numbered, key=lambda pair: pair[0])]


def _readers(authored: Graph, strings: StringTable) -> dict[str, list[int]]:
    """Nodes that read a weight, by the name that the compiler gives it: ``0.bias`` is ``_0_bias``."""
    readers: dict[str, list[int]] = {}
    for weight, nodes in readers_of_weights(authored, strings).items():
        name = re.sub(r"\W", "_", weight)
        readers.setdefault(f"_{name}" if name[:1].isdigit() else name, []).extend(nodes)
    return readers


def _stage(
    kernels: Sequence[Kernel], authored: Graph, strings: StringTable, pool: StringPool
) -> tuple[Graph, list[int]]:
    """A node for each kernel; the tensors between them are those between their members."""
    builder = GraphBuilder(pool, STAGE)
    rows = []
    for kernel in kernels:
        trail = common_trail(authored, strings, kernel.members)
        row = builder.node(
            kernel.handle,
            kernel.name,
            scope=builder.scope(trail),
            flops=_flops(kernel, authored),
            attributes={"kind": kernel.kind},
        )
        for member in kernel.members:
            builder.origin(row, member)
        rows.append(row)
    makers = {
        member: row for kernel, row in zip(kernels, rows, strict=True) for member in kernel.members
    }
    edges = authored.edges
    for edge in range(len(edges)):
        source = makers.get(int(edges.source[edge]), -1)
        target = makers.get(int(edges.target[edge]), -1)
        if 0 <= source < target:
            builder.edge(
                source,
                target,
                strings[int(edges.tensor[edge])],
                _text(strings, int(edges.dtype[edge])),
                _shape(_text(strings, int(edges.shape[edge]))),
            )
    return builder.build(), rows


def _flops(kernel: Kernel, authored: Graph) -> int:
    """Of the only member that has any: who does the work of several members is not told."""
    flops = authored.nodes.flops[list(kernel.members)]
    known = flops[flops > 0]
    return int(known[0]) if len(known) == 1 and kernel.kind == "extern" else UNKNOWN


def _text(strings: StringTable, row: int) -> str:
    return strings[row] if row >= 0 else ""


def _shape(text: str) -> list[int | str] | None:
    if not text:
        return None
    return [int(size) if size.isdigit() else size for size in text.split(",")]


def _fusion(
    kernels: Sequence[Kernel], rows: Sequence[int], sources: dict[str, str], pool: StringPool
) -> Fusion:
    compiler = pool.add("AOTInductor")
    groups = [
        (
            pool.add(kernel.name),
            pool.add(kernel.kind),
            compiler,
            pool.add(sources[kernel.name]) if kernel.name in sources else -1,
            1,
            row,
        )
        for kernel, row in zip(kernels, rows, strict=True)
    ]
    members = [(group, member) for group, kernel in enumerate(kernels) for member in kernel.members]
    return Fusion(
        FusionGroups.from_rows(groups), FusionMembers.from_rows(members), FusionBreaks.empty()
    )


def _sources(texts: Sequence[str]) -> dict[str, str]:
    """Source code of each generated C++ kernel."""
    found: dict[str, str] = {}
    for text in texts:
        begins = list(_SOURCE_BEGINS.finditer(text))  # none where libraries run all
        ends = [match.start() for match in begins[1:]] + [len(text)]
        for match, end in zip(begins, ends, strict=False):
            body = text[match.start() : end].strip()
            if "{" in body.partition(";")[0]:  # a definition, not a declaration
                found.setdefault(match["name"], body)
    return found


def _links(
    kernels: Sequence[Kernel], authored: Graph, slices: Slices, strings: StringTable
) -> tuple[Int32, Int32]:
    """Group and authored node of each slice, by the order in which a step executed the kernels."""
    program, calls = laid_out(_steps(range(len(kernels)), kernels, ""))
    standing = [_heaviest(kernel, authored) for kernel in kernels]
    groups: Int32 = np.full(len(slices), -1, np.int32)
    nodes: Int32 = np.full(len(slices), -1, np.int32)
    outermost, _ = outermost_operators(slices, strings)
    for step in np.unique(slices.step[outermost]).tolist():
        rows = [row for row in outermost if slices.step[row] == step]
        rows.sort(key=lambda row: int(slices.start_ns[row]))
        executed = [(_name(strings[int(slices.name[row])]), "") for row in rows]
        aligned = align(executed, program, 0 if program else END)
        found = [calls[place] if place >= 0 else -1 for place in aligned]
        places = _with_rounds(executed, found, kernels)
        following = -1
        for row, place in zip(reversed(rows), reversed(places), strict=True):
            if place >= 0:
                groups[row] = place
                following = standing[place]
            nodes[row] = following  # what prepares a kernel belongs to it
        before = -1
        for row in rows:  # and a copy of what is returned to the last one
            before = int(nodes[row]) if nodes[row] >= 0 else before
            nodes[row] = before
    return inherited(slices, groups), inherited(slices, nodes)


def _steps(numbers: Sequence[int], kernels: Sequence[Kernel], inside: str) -> list[Step]:
    """Kernels in the order in which the code calls them; those of a body are what its owner runs."""
    steps = []
    for owner, group in groupby(numbers, lambda number: _owner(kernels[number].body, inside)):
        if not owner:
            steps += [Step(each, Place(kernels[each].name, "", ())) for each in group]
            continue
        branches: dict[str, list[int]] = {}
        for each in group:
            branch = kernels[each].body.removeprefix(owner).split(IN_BODY)[1]
            branches.setdefault(f"{owner}{IN_BODY}{branch}", []).append(each)
        bodies = [_steps(own, kernels, body) for body, own in branches.items()]
        steps.append(Step(-1, Place("", "", (), is_silent=True), bodies))
    return steps


def _owner(body: str, inside: str) -> str:
    """Path of the operator that runs a body within this one; "" for this one itself."""
    rest = body.removeprefix(inside).lstrip(IN_BODY)
    start = f"{inside}{IN_BODY}" if inside else ""
    return f"{start}{rest.split(IN_BODY)[0]}" if rest else ""


def _with_rounds(
    executed: Sequence[tuple[str, str]], places: Sequence[int], kernels: Sequence[Kernel]
) -> list[int]:
    """Kernels of a loop run again: each is the next of its name, from the one before it around."""
    found, last = list(places), -1
    for number, (name, _) in enumerate(executed):
        if found[number] < 0:
            around = (*range(last + 1, len(kernels)), *range(last + 1))
            found[number] = next((each for each in around if kernels[each].name == name), -1)
        last = found[number] if found[number] >= 0 else last
    return found


def _name(text: str) -> str:
    match = _TRACED.fullmatch(text)
    return match["name"] if match else text


def _heaviest(kernel: Kernel, authored: Graph) -> int:
    """The member that stands for a kernel: the one with most FLOPs."""
    if not kernel.members:
        return -1
    return kernel.members[int(np.argmax(authored.nodes.flops[list(kernel.members)]))]
