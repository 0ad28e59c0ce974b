"""What there is to report about one profile."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from app.report.content import (
    Bars,
    Column,
    Figure,
    Figures,
    Grid,
    Line,
    Lines,
    Report,
    Row,
    Section,
    Stack,
)
from app.report.outline import outline_rows
from profilers.analysis.advice import Finding, findings
from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.groups import GroupBy
from profilers.analysis.memory.stack import memory_stack
from profilers.analysis.operators import by_name
from profilers.analysis.summary_figures import figures_of
from profilers.profile import Note, Profile, Severity, SliceKind, TimingPhase
from profilers.units import format_bytes, format_duration, format_percent

STEPS = "Steps"
_MOST_ROWS = 25
_MOST_BARS = 60
_MOMENTS = 240
_TONES = {Severity.INFO: "", Severity.WARNING: "warning", Severity.ERROR: "error"}


def report_of(profile: Profile) -> Report:
    return Report(title_of(profile), subtitle_of(profile), tuple(sections_of(profile)))


def title_of(profile: Profile) -> str:
    return profile.environment.model_name or profile.name


def subtitle_of(profile: Profile) -> str:
    environment = profile.environment
    parts = [environment.framework, environment.mode, environment.device]
    if profile.start_unix_ns > 0:
        moment = datetime.fromtimestamp(profile.start_unix_ns // 10**9, UTC)
        parts.append(f"{moment:%Y-%m-%d %H:%M} UTC")
    return "  ·  ".join(part for part in parts if part)


def sections_of(profile: Profile) -> Iterator[Section]:
    """Those that have something to say."""
    figures = tuple(Figure(each.label, each.value, each.note) for each in figures_of(profile))
    yield Section("Summary", (Figures(figures),))
    for section in (
        _advice(profile),
        _findings(profile),
        _steps(profile),
        _top("Operators", profile, SliceKind.OPERATOR),
        _top("Kernels", profile, SliceKind.KERNEL),
        _layers(profile),
        _memory(profile),
        _fusion(profile),
        _notes(profile),
        _environment(profile),
    ):
        if section is not None:
            yield section


def step_series(profile: Profile) -> list[tuple[str, tuple[float, ...]]]:
    """Durations of single steps by how they were measured."""
    timings = profile.timings
    found = [
        (title, timings.duration_ns[timings.phase == phase])
        for title, phase in (
            ("without the profiler", TimingPhase.MEASURED),
            ("with the profiler", TimingPhase.PROFILED),
        )
    ]
    if not any(len(values) for _, values in found):
        found = [("in the trace", profile.steps.duration_ns)]
    return [
        (title, tuple(map(float, values[:_MOST_BARS]))) for title, values in found if len(values)
    ]


def bars_of(series: list[tuple[str, tuple[float, ...]]]) -> Bars:
    longest = max(len(values) for _, values in series)
    labels = tuple(str(number) for number in range(1, longest + 1))
    return Bars(labels, tuple(series), "ns")


def _steps(profile: Profile) -> Section | None:
    series = step_series(profile)
    return Section(STEPS, (bars_of(series),), "Duration of each step.") if series else None


def _top(title: str, profile: Profile, kind: SliceKind) -> Section | None:
    table = by_name(profile, kind)
    whole = int(table.self_ns.sum())
    if not whole:
        return None
    order = np.argsort(-table.self_ns, kind="stable")
    names = [profile.strings[int(table.key[at])] for at in order[:_MOST_ROWS].tolist()]
    rows = tuple(
        Row(
            (
                short_kernel_name(name),
                format_percent(table.self_ns[at] / whole),
                format_duration(int(table.self_ns[at])),
                format_duration(int(table.total_ns[at])),
                f"{int(table.calls[at]):,}",
            ),
            float(table.self_ns[at] / whole),
            whole=name if short_kernel_name(name) != name else "",
        )
        for name, at in zip(names, order.tolist(), strict=False)
    )
    columns = (
        Column("Name", is_text=True), Column("Share"), Column("Self time"),
        Column("With children", is_extra=True), Column("Calls", is_extra=True),
    )  # fmt: skip
    grid = Grid(columns, rows, _left_out(len(order), "names"))
    return Section(title, (grid,), "Summed over all profiled steps, by own time.")


def _layers(profile: Profile) -> Section | None:
    rows, left_out = outline_rows(profile)
    if not rows:
        return None
    columns = (
        Column("Layer", is_text=True), Column("Share"), Column("Per step"),
        Column("Class", is_text=True, is_extra=True), Column("Operators", is_extra=True),
    )  # fmt: skip
    told = f"{left_out:,} further layers are left out." if left_out else ""
    return Section("Layers", (Grid(columns, rows, told),), "Own time of the operators within.")


def _memory(profile: Profile) -> Section | None:
    curve = memory_curve(profile)
    if curve.device < 0 or not curve.peak_bytes:
        return None
    stack = memory_stack(profile, curve.device, GroupBy.CATEGORY)
    edges = np.linspace(int(curve.time_ns[0]), int(curve.time_ns[-1]), _MOMENTS)
    moments = np.unique(np.append(edges.astype(np.int64), curve.peak_ns))
    levels = stack.levels(moments)
    drawn = Stack(
        stack.names,
        tuple(moments.tolist()),
        tuple(tuple(row) for row in levels.tolist()),
        tuple(profile.steps.start_ns.tolist()),
    )
    device = profile.strings[curve.device]
    note = f"{device}; peak {format_bytes(curve.peak_bytes)}. {profile.memory.source}".strip()
    return Section("Memory", (drawn,), note)


def _fusion(profile: Profile) -> Section | None:
    fusion, strings = profile.fusion, profile.strings
    groups, breaks = fusion.groups, fusion.breaks
    if not len(groups) and not len(breaks):
        return None
    blocks: list[Grid] = []
    columns: tuple[Column, ...]
    if len(groups):
        sizes = np.bincount(fusion.members.group, minlength=len(groups))
        order = np.argsort(-sizes, kind="stable")
        rows = tuple(
            Row(
                (
                    strings[int(groups.name[at])], f"{int(sizes[at]):,}",
                    strings[int(groups.kind[at])], strings[int(groups.compiler[at])],
                ),
                float(sizes[at] / max(int(sizes.max()), 1)),
            )
            for at in order[:_MOST_ROWS].tolist()
        )  # fmt: skip
        columns = (
            Column("Fused kernel", is_text=True), Column("Nodes"),
            Column("Kind", is_text=True), Column("Compiler", is_text=True, is_extra=True),
        )  # fmt: skip
        blocks.append(Grid(columns, rows, _left_out(len(order), "groups")))
    if len(breaks):
        pairs = zip(breaks.kind.tolist(), breaks.reason.tolist(), strict=True)
        told = [
            Row((strings[kind], f"{count:,} × {strings[reason]}" if count > 1 else strings[reason]))
            for (kind, reason), count in Counter(pairs).most_common()
        ]
        columns = (Column("What stayed apart", is_text=True), Column("Why", is_text=True))
        blocks.append(Grid(columns, tuple(told[:_MOST_ROWS]), _left_out(len(told), "reasons")))
    return Section("Fusion", tuple(blocks))


def _advice(profile: Profile) -> Section | None:
    lines = tuple(
        Line(f"{_cost(each)}  {each.what}", each.advice, "warning") for each in findings(profile)
    )
    note = "What costs time or memory, by its cost, and what to try."
    return Section("Advice", (Lines(lines[:_MOST_ROWS]),), note) if lines else None


def _cost(finding: Finding) -> str:
    if finding.cost_ns:
        return f"{format_duration(finding.cost_ns)} per step:"
    return f"{format_bytes(finding.cost_bytes)}:"


def _findings(profile: Profile) -> Section | None:
    lines = tuple(
        Line(
            f"{each.count:,} × {each.message}" if each.count > 1 else each.message,
            each.remedy,
            _TONES[Severity(each.severity)],
        )
        for each in sorted(profile.diagnostics, key=lambda each: -each.severity)
    )
    return Section("Findings", (Lines(lines),)) if lines else None


def _notes(profile: Profile) -> Section | None:
    lines = tuple(
        Line(f"{_about(profile, note)}: {note.text or '★'}", note.author) for note in profile.notes
    )
    return Section("Notes", (Lines(lines),)) if lines else None


def _about(profile: Profile, note: Note) -> str:
    slices = profile.trace.slices
    if note.node >= 0:
        return profile.strings[int(profile.authored.nodes.name[note.node])]
    if note.slice >= 0:
        begin = format_duration(int(slices.start_ns[note.slice]))
        return f"{profile.strings[int(slices.name[note.slice])]} at {begin}"
    if note.time_range_ns is not None:
        begin_ns, end_ns = note.time_range_ns
        return f"{format_duration(end_ns - begin_ns)} from {format_duration(begin_ns)}"
    return "The profile"


def _environment(profile: Profile) -> Section | None:
    environment = profile.environment
    facts = {
        "Framework": environment.framework, "Mode": environment.mode,
        "Device": environment.device, "SHA-256": environment.model_sha256, **environment.facts,
    }  # fmt: skip
    facts |= {
        label.replace("_", " ").capitalize(): str(environment.request[label])
        for label in ("steps", "warmup", "threads", "seed")
        if label in environment.request
    }
    rows = tuple(Row((label, text)) for label, text in facts.items() if text)
    columns = (Column("Fact", is_text=True), Column("Value", is_text=True))
    return Section("Environment", (Grid(columns, rows),)) if rows else None


def _left_out(count: int, what: str) -> str:
    return f"{count - _MOST_ROWS:,} further {what} are left out." if count > _MOST_ROWS else ""
