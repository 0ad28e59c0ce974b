"""Reads the trace of a process that was attached to: all that is known of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from profilers.analysis.trace_health import health
from profilers.captures.run_facts import diagnostics_of, environment_of
from profilers.captures.tf.files import TRACE_FILE
from profilers.captures.xla.plain_trace import with_programs
from profilers.profile import WORK_KINDS, Diagnostic, Profile, Severity, SliceKind
from profilers.run_record import RunRecord
from profilers.traces import Progress, xplane


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The trace with the address as its name; as a trace file it has no graph to link to.

    Raises
    ------
    DamagedFile
        If the trace is cut or holds nothing.
    """
    trace_file = folder / TRACE_FILE
    traced = with_programs(xplane.read(trace_file, progress), trace_file)
    known = environment_of(run)
    address = run.request.model_path
    facts = {**known.facts, **traced.environment.facts}
    device = traced.environment.device
    environment = replace(known, mode="", model_name=address, device=device, facts=facts)
    told = (*diagnostics_of(run), *traced.diagnostics, *health(traced), *_idle(traced))
    return replace(traced, name=address, environment=environment, diagnostics=told)


def _idle(traced: Profile) -> tuple[Diagnostic, ...]:
    """That nothing worth the name ran while it was traced."""
    slices = traced.trace.slices
    if len(traced.steps) or np.isin(slices.kind, (SliceKind.OPERATOR, *WORK_KINDS)).any():
        return ()
    found = f"the trace holds {len(slices)} slices, but no operator and no step"
    return (
        Diagnostic(
            Severity.WARNING,
            f"Next to nothing ran while the process was traced: {found}.",
            "Attach while it works, or for longer.",
        ),
    )
