"""Where the difference between two step times comes from, row by row; the rows add up to it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from profilers.analysis.comparison.call_parts import call_row, is_one_call
from profilers.analysis.comparison.joined import Part, joined_parts
from profilers.analysis.comparison.profiler_cost import without_profiler
from profilers.analysis.comparison.rows import (
    OF_BOTH,
    OUTSIDE,
    TOLD_APART,
    ExplainedRow,
    RowKind,
    untitled,
)
from profilers.analysis.comparison.spent import (
    NOTHING,
    Share,
    Spent,
    has_ranges,
    spent_by_graph,
    spent_by_name,
)
from profilers.analysis.operator_kinds import operator_kind
from profilers.analysis.pairing.differences import node_title
from profilers.analysis.pairing.item_sides import scope_paths
from profilers.analysis.pairing.matching import Match
from profilers.profile import Graph, Profile, StringTable

_MOST_NAMED = 3  # operators in a row's text


@dataclass(frozen=True)
class Explanation:
    """Rows by what they explain most; their times add up to the step of each side.

    Where both were timed without the profiler, too, that is the median of those steps:
    `profiled_ns` are the steps that tell the parts, `taken_off_ns` is what the rows gave up for the
    profiler, and `scaled_by` what all were multiplied by then. Elsewhere it is the profiled step.
    Of profiled steps it is the mean of the half around the median, so that single slow ones do not
    count. `by_graph` tells that layers were matched; else operators were, by name. `on_device`
    tells for each side whether times are those of devices. `code_ns` is what each side's rows have
    of the code of modules beside their operators, where a trace has ranges that tell it, and
    `dispatch_ns` of the pauses just before operators and kernels. Where `is_noise`, the steps
    differ by no more than steps of one model may, and shares of that difference would say nothing.
    """

    rows: tuple[ExplainedRow, ...]
    a_ns: float
    b_ns: float
    by_graph: bool
    on_device: tuple[bool, bool]
    code_ns: tuple[float, float] = (0.0, 0.0)
    dispatch_ns: tuple[float, float] = (0.0, 0.0)
    is_noise: bool = False
    profiled_ns: tuple[float, float] = (0.0, 0.0)
    taken_off_ns: tuple[float, float] = (0.0, 0.0)
    scaled_by: tuple[float, float] = (1.0, 1.0)

    @property
    def difference_ns(self) -> float:
        return self.b_ns - self.a_ns

    @property
    def is_unprofiled(self) -> bool:
        """Whether the steps are those without the profiler."""
        return self.profiled_ns != (self.a_ns, self.b_ns)

    @property
    def code_share(self) -> float:
        """Share of the difference that the code of modules beside their operators has."""
        ours, theirs = self.code_ns
        return (theirs - ours) / self.difference_ns if self.difference_ns else 0.0

    @property
    def dispatch_share(self) -> float:
        """Share of the difference that the pauses just before operators have."""
        ours, theirs = self.dispatch_ns
        return (theirs - ours) / self.difference_ns if self.difference_ns else 0.0

    def share(self, row: ExplainedRow) -> float:
        """Of the whole difference; shares of all rows add up to 1. 0 where there is none."""
        return row.difference_ns / self.difference_ns if self.difference_ns else 0.0

    def share_of(self, *kinds: RowKind) -> float:
        """Share of the difference that all rows of these kinds have together."""
        return sum(self.share(row) for row in self.rows if row.kind in kinds)

    @property
    def matched_share(self) -> float:
        """Share of the difference that matched rows leave no part of to others, at most 1.

        The call of the model is a matched row as any layer is: its outermost one.
        """
        others = sum(row.difference_ns for row in self.rows if row.kind not in OF_BOTH)
        return 1 - abs(others / self.difference_ns) if self.difference_ns else 1.0

    @property
    def matched_changes(self) -> float:
        """Share that matched rows have of all that got faster or slower, row by row; 0 to 1.

        Where some rows gain what others lose, it says more than `matched_share`.
        """
        total = sum(abs(row.difference_ns) for row in self.rows)
        matched = sum(abs(row.difference_ns) for row in self.rows if row.kind in OF_BOTH)
        return matched / total if total else 1.0

    @property
    def matched_time(self) -> float:
        """Share of both sides' recorded work that lies in matched rows."""
        work = [row for row in self.rows if row.kind not in TOLD_APART]
        total = sum(row.a_ns + row.b_ns for row in work)
        matched = sum(row.a_ns + row.b_ns for row in work if row.kind == RowKind.MATCHED)
        return matched / total if total else 0.0

    @property
    def matched_nodes(self) -> float:
        """Share of both graphs' nodes that ran which lie in rows with nodes of either."""
        total = sum(len(nodes) for row in self.rows for nodes in row.nodes)
        matched = [row for row in self.rows if row.kind == RowKind.MATCHED and all(row.nodes)]
        return sum(len(nodes) for row in matched for nodes in row.nodes) / max(total, 1)

    @property
    def layers_share(self) -> float:
        """Share of the difference that lies in matched layers and operators, without the call."""
        return self.share_of(RowKind.MATCHED)

    @property
    def call_share(self) -> float:
        """Share of the difference that lies in the call of the model itself."""
        return self.share_of(RowKind.CALL)

    @property
    def outside_share(self) -> float:
        """Share of the difference that lies outside of all operators and of the call."""
        return self.share_of(*OUTSIDE)

    @property
    def lone_share(self) -> float:
        """Share of the difference that lies in operators without a twin."""
        return self.share_of(RowKind.ONLY_A, RowKind.ONLY_B, RowKind.UNLINKED)

    def leading(self, most: int) -> list[int]:
        """Places of the rows that explain most, and of what lies outside of operators in any case."""
        outside = [at for at, row in enumerate(self.rows) if row.kind in TOLD_APART and row.is_any]
        room = max(most - sum(at >= most - len(outside) for at in outside), 0)
        return sorted({*range(min(room, len(self.rows))), *outside})

    def fused_by(self, side: int) -> tuple[ExplainedRow, ...]:
        """Rows whose operators one side (0 for a, 1 for b) fused and the other ran one by one."""
        return tuple(
            row
            for row in self.rows
            if row.fused[side] and not row.fused[1 - side] and len(row.nodes[1 - side]) > 1
        )

    def scaled(self, of_a: float, of_b: float) -> "Explanation":
        """With each side's times multiplied, sorted anew."""
        rows = [replace(row, a_ns=row.a_ns * of_a, b_ns=row.b_ns * of_b) for row in self.rows]

        def both(times: tuple[float, float]) -> tuple[float, float]:
            return times[0] * of_a, times[1] * of_b

        return replace(
            self,
            rows=_by_weight(rows),
            a_ns=self.a_ns * of_a,
            b_ns=self.b_ns * of_b,
            code_ns=both(self.code_ns),
            dispatch_ns=both(self.dispatch_ns),
            profiled_ns=both(self.profiled_ns),
            taken_off_ns=both(self.taken_off_ns),
        )


_StepTimes = tuple[float, float] | None


def explained_by_graph(
    a: Profile, b: Profile, match: Match, steps_ns: _StepTimes = None
) -> Explanation:
    """Layers and operators of two matched graphs, and the call of the model around them.

    What a layer took beside its operators counts for it where the trace has its range: `code_ns`
    tells how much that is. Elsewhere the pause just before an operator counts for it, since one has
    to end before the next begins: `dispatch_ns`. Where the steps of both are calls of the model, the
    rest is the call's own time, with the code of modules that only one side has around operators that
    both have. `steps_ns` are the steps without the profiler that the rows are to add up to.
    """
    spent = _of_steps((spent_by_graph(a), spent_by_graph(b)), steps_ns)
    profiles = a, b
    paths = scope_paths(a.authored, a.strings), scope_paths(b.authored, b.strings)
    fused = _fused_nodes(spent[0]), _fused_nodes(spent[1])
    parts = joined_parts((a.authored, b.authored), match, spent)
    code_ns = [sum(share.time_ns for share in each.scopes.values()) for each in spent]
    around = None
    if is_one_call(a) and is_one_call(b):
        containers = [part for part in parts if part.is_container]
        parts = [part for part in parts if not part.is_container]
        of_modules = [sum(part.shares[side].time_ns for part in containers) for side in (0, 1)]
        code_ns = [whole - part for whole, part in zip(code_ns, of_modules, strict=True)]
        around = call_row(
            profiles, (spent[0].around_ns, spent[1].around_ns), (of_modules[0], of_modules[1])
        )
    rows = [_row_of(part, profiles, paths, fused) for part in parts]
    rows += _named_rows(spent, RowKind.UNLINKED, RowKind.UNLINKED, RowKind.UNLINKED)
    found = _explanation(rows, spent, around, by_graph=True)
    return replace(found, code_ns=(code_ns[0], code_ns[1]))


def explained_by_operator(a: Profile, b: Profile, steps_ns: _StepTimes = None) -> Explanation:
    """Operators by name, and those of other frameworks by what they do."""
    with_ranges = has_ranges(a) and has_ranges(b)
    ours, theirs = (spent_by_name(each, with_ranges=with_ranges) for each in (a, b))
    spent = _by_common_names(*_of_steps((ours, theirs), steps_ns))
    rows = _named_rows(spent, RowKind.MATCHED, RowKind.ONLY_A, RowKind.ONLY_B)
    return _explanation(list(rows), spent, None, by_graph=False)


def _of_steps(spent: tuple[Spent, Spent], steps_ns: _StepTimes) -> tuple[Spent, Spent]:
    if steps_ns is None:
        return spent
    return without_profiler(spent[0], steps_ns[0]), without_profiler(spent[1], steps_ns[1])


def _explanation(
    rows: list[ExplainedRow],
    spent: tuple[Spent, Spent],
    around: ExplainedRow | None,
    *,
    by_graph: bool,
) -> Explanation:
    ours, theirs = spent
    rows.append(untitled(RowKind.BETWEEN, ours.between_ns, theirs.between_ns))
    rows.append(around or untitled(RowKind.AROUND, ours.around_ns, theirs.around_ns))
    on_device = ours.on_device, theirs.on_device
    return Explanation(
        _by_weight(rows),
        ours.whole_ns,
        theirs.whole_ns,
        by_graph,
        on_device,
        dispatch_ns=(ours.dispatch_ns, theirs.dispatch_ns),
        profiled_ns=(ours.profiled_ns, theirs.profiled_ns),
        taken_off_ns=(ours.taken_off_ns, theirs.taken_off_ns),
        scaled_by=(ours.scaled_by, theirs.scaled_by),
    )


def _by_weight(rows: list[ExplainedRow]) -> tuple[ExplainedRow, ...]:
    return tuple(sorted(rows, key=lambda row: -abs(row.difference_ns)))


def _fused_nodes(spent: Spent) -> set[int]:
    return {node for nodes in spent.joined if len(nodes) > 1 for node in nodes}


def _row_of(
    part: Part,
    profiles: tuple[Profile, Profile],
    paths: tuple[list[str], list[str]],
    fused: tuple[set[int], set[int]],
) -> ExplainedRow:
    ours, theirs = part.shares
    kind = RowKind.MATCHED
    if not part.is_matched:
        kind = RowKind.ONLY_A if theirs == NOTHING else RowKind.ONLY_B
    titles, operators = [], []
    for profile, nodes, scopes, of in zip(profiles, part.nodes, part.scopes, paths, strict=True):
        titles.append(_title(profile.authored, profile.strings, nodes, scopes, of))
        operators.append(_operators(profile.authored, profile.strings, nodes))
    return ExplainedRow(
        kind,
        (titles[0], titles[1]),
        (operators[0], operators[1]),
        ours.time_ns,
        theirs.time_ns,
        (tuple(part.nodes[0]), tuple(part.nodes[1])),
        (ours.slice, theirs.slice),
        (bool(fused[0] & {*part.nodes[0]}), bool(fused[1] & {*part.nodes[1]})),
    )


def _title(
    graph: Graph, strings: StringTable, nodes: list[int], scopes: list[int], paths: list[str]
) -> str:
    """The layers that the nodes lie in, the first by name and the others by number."""
    layers = dict.fromkeys(node_title(graph, strings, node) for node in nodes) or dict.fromkeys(
        paths[scope] for scope in scopes
    )
    names = [name for name in layers if name]
    if not names:
        return ""
    return names[0] if len(names) == 1 else f"{names[0]} + {len(names) - 1}"


def _operators(graph: Graph, strings: StringTable, nodes: list[int]) -> str:
    names = list(dict.fromkeys(strings[int(graph.nodes.operator[node])] for node in nodes))
    told = ", ".join(names[:_MOST_NAMED])
    return told if len(names) <= _MOST_NAMED else f"{told}, …"


def _by_common_names(a: Spent, b: Spent) -> tuple[Spent, Spent]:
    """What only one side calls so goes by its kind, where the other side has that kind left, too."""
    rest = [
        {name: operator_kind(name) for name in side.names if name not in other.names}
        for side, other in ((a, b), (b, a))
    ]
    common = set(rest[0].values()) & set(rest[1].values())
    return _renamed(a, rest[0], common), _renamed(b, rest[1], common)


def _renamed(spent: Spent, kinds: dict[str, str], common: set[str]) -> Spent:
    names: dict[str, Share] = {}
    for name, share in spent.names.items():
        kind = kinds.get(name, "")
        told = kind if kind in common else name
        names[told] = names.get(told, NOTHING) + share
    return replace(spent, names=names)


def _named_rows(
    spent: tuple[Spent, Spent], both: RowKind, only_a: RowKind, only_b: RowKind
) -> Iterator[ExplainedRow]:
    ours, theirs = spent[0].names, spent[1].names
    for name in dict.fromkeys((*ours, *theirs)):
        here, there = ours.get(name, NOTHING), theirs.get(name, NOTHING)
        kind = both if name in ours and name in theirs else only_a if name in ours else only_b
        sides = name if name in ours else "", name if name in theirs else ""
        yield ExplainedRow(
            kind, sides, sides, here.time_ns, there.time_ns, slices=(here.slice, there.slice)
        )
