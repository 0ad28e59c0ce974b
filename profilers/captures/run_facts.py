"""What a run record tells of every capture, whichever framework made it."""

from dataclasses import replace

from profilers.profile import (
    UNKNOWN,
    Diagnostic,
    Environment,
    MachinePeaks,
    Profile,
    Severity,
    StringPool,
    SweepPoints,
    TimingPhase,
    Timings,
)
from profilers.run_record import RunRecord


def timings_of(run: RunRecord) -> Timings:
    """One row per import, load, compilation and step."""
    phases = (
        (TimingPhase.IMPORT, [run.import_ns]),
        (TimingPhase.LOAD, [run.load_ns]),
        (TimingPhase.COMPILE, [run.compile_ns] if run.compile_ns else []),
        (TimingPhase.WARMUP, run.warmup_ns),
        (TimingPhase.MEASURED, run.measured_ns),
        (TimingPhase.PROFILED, run.profiled_ns),
    )
    return Timings.from_rows(
        (phase, duration) for phase, durations in phases for duration in durations
    )


def environment_of(run: RunRecord) -> Environment:
    """Versions, device, and the request as it was run."""
    request = run.request
    return Environment(
        framework=run.framework,
        mode=request.mode,
        model_name=request.model_path.replace("\\", "/").rstrip("/").rpartition("/")[2],
        model_sha256=request.model_sha256,
        device=request.device,
        facts=run.facts,
        request=request.to_json(),
        peaks=MachinePeaks.from_json(run.peaks),
    )


def diagnostics_of(run: RunRecord) -> tuple[Diagnostic, ...]:
    """What the worker had to say."""
    return tuple(
        Diagnostic(Severity(item["severity"]), item["message"], item.get("remedy", ""))
        for item in run.diagnostics
    )


def with_sweep(profile: Profile, run: RunRecord) -> Profile:
    """The profile with what was measured for other sizes, if anything was."""
    if not run.sweep:
        return profile
    pool = StringPool(profile.strings)
    rows = [
        (
            pool.add(str(row["axis"])),
            int(row["size"]),
            int(row["batch"]),
            int(row.get("median_ns", -1)),
            int(row.get("p95_ns", -1)),
            int(row.get("peak_bytes", UNKNOWN)),
            pool.add(str(row["problem"])) if "problem" in row else -1,
        )
        for row in run.sweep
    ]
    return replace(profile, strings=pool.table(), sweep=SweepPoints.from_rows(rows))
