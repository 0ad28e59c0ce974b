"""Reads a JAX capture folder: trace, traced program, the program that XLA compiled, memory."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.jax.files import GRADIENT_SCOPE, GRAPH_FILE, TAG, TRACE_FILE
from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.captures.xla.fusion import block_makers, link_program, with_instructions
from profilers.captures.xla.memory import SOURCE, planned_blocks
from profilers.captures.xplane.loops import with_rounds
from profilers.captures.xplane.memory import complete_memory
from profilers.captures.xplane.training import with_training
from profilers.captures.xplane.xprof_reports import xprof_reports
from profilers.errors import DamagedFile
from profilers.graphs.hlo_program import HloProgram, read_hlo
from profilers.graphs.jaxpr_json import read_jaxpr
from profilers.graphs.tf_graph_def import Weight
from profilers.profile import (
    Diagnostic,
    Graph,
    Memory,
    Profile,
    Severity,
    SliceKind,
    StringPool,
    StringTable,
    Trace,
    decode,
)
from profilers.profile.table import Int32
from profilers.run_record import RunRecord
from profilers.traces import Progress, xplane
from profilers.traces.xplane_programs import programs_of

_WORK = (SliceKind.KERNEL, SliceKind.COPY)
_TAG = re.compile(rf"\b{TAG}(\d{{1,9}})\b")
_NO_PROGRAM = Diagnostic(
    Severity.WARNING,
    "JAX's profiler did not tell the program that ran, so fusions and links are not known.",
)


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a folder that `profilers.runtimes.keras.on_jax` wrote.

    Raises
    ------
    DamagedFile
        If a file is missing, cut or inconsistent.
    """
    trace_file = folder / TRACE_FILE
    try:
        traced, _ = xplane.read_with_operations(trace_file, lambda done: progress(0.6 * done))
        pool = StringPool(traced.strings)
        document = json.loads((folder / GRAPH_FILE).read_text(encoding="utf-8"))
        authored, rows = read_jaxpr(document, document["layers"], pool)
        program = _program(trace_file, traced)
        of_optimiser = {
            str(each["name"]) for each in document["arguments"] if each.get("is_of_optimiser")
        }
        linked = _linked(traced, authored, rows, program, document, run, pool)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DamagedFile(f"Cannot read the capture {folder}", str(error)) from error
    progress(0.9)
    linked = with_training(linked, of_optimiser, _forward_of(authored, pool.table()))
    profile = replace(with_rounds(linked), reports=xprof_reports(trace_file))
    progress(1.0)
    return profile


class _TaggedNodes:
    """Finds nodes by the tag that every operation has as its innermost scope."""

    def __init__(self, rows: Sequence[int]) -> None:
        self._rows = rows

    def find(self, name: str) -> int:
        tags = _TAG.findall(name)
        number = int(tags[-1]) if tags else -1
        return self._rows[number] if 0 <= number < len(self._rows) else -1

    def within(self, subgraph: int, name: str) -> int:
        return self.find(name)

    def body(self, node: int, label: str) -> int:
        return -1


def _program(trace_file: Path, traced: Profile) -> HloProgram | None:
    """The program of the steps: the trace holds every one that is alive in the process."""
    slices = traced.trace.slices
    ran = np.flatnonzero((slices.step >= 0) & np.isin(slices.kind, _WORK))
    told = [decode(traced.trace.arguments, int(row)) for row in ran[:100]]
    modules = {(str(each.get("hlo_module", "")), each.get("program_id", "")) for each in told}
    held = programs_of(trace_file)
    found = [
        held.get(f"{module}({number})", held.get(module, b""))
        for module, number in sorted(modules, key=str)
    ]
    found = [each for each in found if each]
    return read_hlo(max(found, key=len)) if found else None


def _linked(
    traced: Profile,
    authored: Graph,
    rows: Sequence[int],
    program: HloProgram | None,
    document: dict[str, Any],
    run: RunRecord,
    pool: StringPool,
) -> Profile:
    environment = environment_of(run)
    profile = replace(
        traced,
        name=environment.model_name,
        graphs=(authored,),
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *traced.diagnostics),
        environment=environment,
    )
    memory, makers = traced.memory, np.full(len(traced.memory.allocations), -1, np.int32)
    if program is None:
        profile = replace(profile, diagnostics=(*profile.diagnostics, _NO_PROGRAM))
    else:
        result = link_program(program, authored, _weights(document), 1, _TaggedNodes(rows), pool)
        strings = pool.table()
        trace = with_instructions(traced.trace, result, strings)
        profile = replace(
            profile, trace=trace, graphs=(authored, result.stage), fusion=result.fusion
        )
        if len(makers):
            makers = block_makers(result, memory.allocations)
        else:
            memory, makers = _planned(program, result.node_of, trace, run, pool)
    request = replace(run.request, inputs=_inputs(document, run))
    memory = complete_memory(memory, makers.tolist(), authored, request, pool.table(), pool)
    return replace(profile, strings=pool.table(), memory=memory)


def _planned(
    program: HloProgram, node_of: dict[str, int], trace: Trace, run: RunRecord, pool: StringPool
) -> tuple[Memory, Int32]:
    device = pool.add(run.request.device)
    blocks = planned_blocks(program, node_of, trace.slices, pool.table(), device)
    return replace(Memory.empty(), source=SOURCE, allocations=blocks), blocks.node


def _weights(document: dict[str, Any]) -> list[Weight]:
    values = document["values"]
    return [
        Weight(str(each["name"]), *values[each["value"]])
        for each in document["arguments"]
        if each["is_weight"]
    ]


def _inputs(document: dict[str, Any], run: RunRecord) -> Any:
    """As JAX took them: without its 64-bit mode it halves wide types."""
    values = document["values"]
    types = {each["name"]: values[each["value"]][0] for each in document["arguments"]}
    return tuple(
        replace(spec, dtype=str(types.get(spec.name, spec.dtype))) for spec in run.request.inputs
    )


def _forward_of(authored: Graph, strings: StringTable) -> Int32:
    """For each node of a gradient the node whose gradient it is, -1 for all others.

    That is the one of the same name, else the heaviest one of the same layer.
    """
    nodes = authored.nodes
    names = [strings[name] for name in nodes.name.tolist()]
    rows = {name: row for row, name in enumerate(names)}
    heaviest: dict[str, int] = {}
    for row, name in enumerate(names):
        layer = name.rpartition("/")[0]
        if nodes.flops[row] > nodes.flops[heaviest.get(layer, row)] or layer not in heaviest:
            heaviest[layer] = row
    found = np.full(len(names), -1, np.int32)
    for row, name in enumerate(names):
        scope, _, rest = name.partition("/")
        if scope == GRADIENT_SCOPE:
            found[row] = rows.get(rest, heaviest.get(rest.rpartition("/")[0], -1))
    return found
