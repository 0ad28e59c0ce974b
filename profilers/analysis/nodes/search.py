"""Finding nodes of one stage by what a person types: see `profilers.analysis.nodes.query` for the language."""

import operator
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from profilers.analysis.flow_order import flow_order
from profilers.analysis.nodes.figures import node_figures
from profilers.analysis.nodes.query import (
    CHOICES,
    NUMBER_KEYS,
    TEXT_KEYS,
    Comparison,
    Filter,
    Query,
    Term,
    Words,
)
from profilers.analysis.operator_kinds import operator_kind
from profilers.analysis.text_index import Flags, TextIndex
from profilers.profile import Graph, NodeKind, Parameters, Profile, StringTable
from profilers.profile.table import Float64, Int32, Int64

_COMPARE: dict[str, Callable[[Float64, float], Flags]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_MOST_COMPLETIONS = 50
_UNFINISHED = re.compile(r'(?:[^\s"]|"[^"]*"?)*$')  # the term that the cursor is in


class NodeSearch:
    """An index over the nodes of one stage, built once; each query takes milliseconds.

    Parameters
    ----------
    profile : Profile
    stage : int
        Which of its graphs; there must be one.
    """

    def __init__(self, profile: Profile, stage: int = 0) -> None:
        self._profile = profile
        self._stage = stage
        self._graph = graph = profile.graphs[stage]
        strings, nodes = profile.strings, graph.nodes
        self._count = len(nodes)
        self._order = np.argsort(flow_order(graph), kind="stable").astype(np.int32)
        self._names = _Column(strings, nodes.name)
        self._operators = _Column(strings, nodes.operator)
        self._sources = _Column(strings, nodes.source)
        self._paths = TextIndex(["", *scope_paths(graph, strings)])
        self._path = nodes.scope + 1
        classes = np.append(graph.scopes.kind, np.int32(-1))
        self._classes = _Column(strings, classes[nodes.scope])
        self._operator_kinds = [operator_kind(strings[row]) for row in self._operators.rows]
        self._results = _Results(graph, strings)
        self._figures = figures = node_figures(profile, stage)
        self._measures = {
            "time": figures.time_ns,
            "time share": _share(figures.time_ns),
            "memory": figures.memory_bytes,
            "flops": figures.flops,
            "parameters": figures.parameter_bytes,
            "parameter count": _parameter_counts(graph, strings),
            "calls": figures.calls,
        }

    def rows(self, query: Query, noted: Iterable[int] | None = None) -> Int32:
        """Nodes that the query asks for, in flow order; none if it asks for nothing.

        A figure that nobody knows fits no comparison. `noted` are authored nodes with notes, where
        they are not those of the profile.
        """
        is_found = np.zeros(self._count, np.bool_)
        for group in query.groups:
            fits = np.ones(self._count, np.bool_)
            for term in group:
                fits &= self._fitting(term, noted)
            is_found |= fits
        return self._order[is_found[self._order]]

    def completions(self, text: str, cursor: int) -> list[str]:
        """What the term before the cursor may become, each as the text that replaces it."""
        unfinished = _UNFINISHED.search(text[:cursor])
        typed = unfinished[0] if unfinished else ""
        minus = "-" if typed.startswith("-") else ""
        key, colon, value = typed.removeprefix("-").partition(":")
        if colon:
            wanted = value.strip('"').lower()
            values = self._known_values(TEXT_KEYS.get(key.lower(), ""))
            found = [each for each in values if wanted in each.lower()]
            found.sort(key=lambda each: not each.lower().startswith(wanted))
            return [f"{minus}{key}:{_quoted(each)}" for each in found[:_MOST_COMPLETIONS]]
        keys = [f"{each}:" for each in TEXT_KEYS] + [f"{each}>" for each in NUMBER_KEYS]
        return [minus + each for each in keys if each.startswith(key.lower())]

    def _known_values(self, key: str) -> Sequence[str]:
        if key in CHOICES:
            return CHOICES[key]
        if key == "op":
            return self._operators.most_frequent()
        if key == "module":
            return [each for each in self._classes.most_frequent() if each]
        if key == "dtype":
            return [each for each in self._results.dtypes.most_frequent() if each]
        if key == "device":
            return self._figures.devices
        if key == "fused":
            names = self._profile.fusion.groups.name
            return ["yes", "no", *_Column(self._profile.strings, names).most_frequent()]
        return ()

    def _fitting(self, term: Term, noted: Iterable[int] | None) -> Flags:
        condition = term.condition
        if isinstance(condition, Words):
            fits = self._with_words(condition.text)
        elif isinstance(condition, Comparison):
            fits = self._compared(condition)
        elif condition.key == "has":
            fits = self._having(condition.text, noted)
        else:
            fits = self._filtered(condition)
        return ~fits if term.is_negated else fits

    def _with_words(self, text: str) -> Flags:
        return self._names.holding(text) | self._operators.holding(text) | self._inside(text)

    def _filtered(self, condition: Filter) -> Flags:
        key, text = condition.key, condition.text
        if key == "name":
            return self._names.holding(text)
        if key == "op":
            is_kind = np.array([kind == text for kind in self._operator_kinds], np.bool_)
            return self._operators.holding(text) | is_kind[self._operators.place]
        if key == "scope":
            return self._inside(text)
        if key == "module":
            return self._inside(text) | self._classes.holding(text)
        if key == "kind":
            return np.equal(self._graph.nodes.kind, NodeKind[text.upper()])
        if key == "device":
            is_named = np.array([text in name.lower() for name in self._figures.devices] + [False])
            flags: Flags = is_named[self._figures.device]
            return flags
        if key == "source":
            return self._sources.holding(text)
        if key == "dtype":
            return self._results.of_dtype(text)
        return self._results.of_shape(text) if key == "shape" else self._fused(text)

    def _inside(self, text: str) -> Flags:
        """Nodes whose scope path holds the text; a dot in it is as good as a slash."""
        flags: Flags = self._paths.holding(text.replace(".", "/"))[self._path]
        return flags

    def _compared(self, condition: Comparison) -> Flags:
        values = self._measures[condition.measure]
        return _COMPARE[condition.sign](values, condition.value) & (values >= 0)

    def _having(self, what: str, noted: Iterable[int] | None) -> Flags:
        if what == "time":
            return self._figures.time_ns >= 0
        if what == "note":
            on_file = (note.node for note in self._profile.notes if note.node >= 0)
            nodes = on_file if noted is None else noted
            return self._from_authored(np.fromiter(nodes, np.int32))
        has = np.zeros(self._count, np.bool_)
        table = self._graph.problems if what == "problem" else self._graph.parameter_uses
        has[table.node] = True
        return has

    def _fused(self, text: str) -> Flags:
        """Nodes in a kernel with others: in any, in none, or in those whose name holds the text."""
        fusion, origins = self._profile.fusion, self._graph.origins
        if text in ("yes", "no"):
            fits = self._in_groups(np.ones(len(fusion.groups), np.bool_))
            if self._stage:
                fits |= np.bincount(origins.node, minlength=self._count) > 1
            return ~fits if text == "no" else fits
        names = _Column(self._profile.strings, fusion.groups.name)
        return self._in_groups(names.holding(text))

    def _in_groups(self, is_asked: Flags) -> Flags:
        members, groups = self._profile.fusion.members, self._profile.fusion.groups
        fits = self._from_authored(members.node[is_asked[members.group]])
        is_here = is_asked & (groups.stage == self._stage) & (groups.node >= 0)
        fits[groups.node[is_here]] = True
        return fits

    def _from_authored(self, authored: Int32) -> Flags:
        """Nodes of this stage that were made from nodes of the authored graph."""
        flags = np.zeros(len(self._profile.authored.nodes), np.bool_)
        flags[authored] = True
        if not self._stage:
            return flags
        made = np.zeros(self._count, np.bool_)
        origins = self._graph.origins
        made[origins.node[flags[origins.authored]]] = True
        return made


class _Column:
    """A column of string rows: its distinct texts, and which of them each entry has."""

    def __init__(self, strings: StringTable, column: Int32) -> None:
        is_used = np.zeros(len(strings) + 1, np.bool_)  # by a table: quicker than sorting
        is_used[column] = True
        place = np.cumsum(is_used) - 1
        self.rows: list[int] = np.flatnonzero(is_used).tolist()
        if is_used[-1]:
            self.rows[-1] = -1
        self.place: Int64 = place[column]
        self._strings = strings
        self._index = TextIndex([strings[row] for row in self.rows])

    def holding(self, text: str) -> Flags:
        """For each entry of the column whether its text holds `text`."""
        return self._index.holding(text)[self.place]

    def matching(self, pattern: str) -> Flags:
        return self._index.matching(pattern)[self.place]

    def most_frequent(self) -> list[str]:
        """The distinct texts, those of the most entries first."""
        counts = np.bincount(self.place, minlength=len(self.rows))
        order = np.argsort(-counts, kind="stable")
        return [self._strings[self.rows[at]] for at in order.tolist()]


class _Results:
    """The tensors that nodes make; of a node that nobody reads, those that it reads."""

    def __init__(self, graph: Graph, strings: StringTable) -> None:
        edges = graph.edges
        self._count = len(graph.nodes)
        is_read = np.zeros(self._count, np.bool_)
        is_read[edges.source] = True
        into_end = ~is_read[edges.target]
        self._node = np.concatenate((edges.source, edges.target[into_end]))
        self.dtypes = _Column(strings, np.concatenate((edges.dtype, edges.dtype[into_end])))
        shape = np.concatenate((edges.shape, edges.shape[into_end]))
        self._is_shaped = shape >= 0
        self._shapes = _Column(strings, shape)

    def of_dtype(self, text: str) -> Flags:
        """Any that begins so: ``float`` is float16 and float32, but not bfloat16."""
        return self._made(self.dtypes.matching(re.escape(text) + ".*"))

    def of_shape(self, text: str) -> Flags:
        """A whole shape (``1x64x?x?``, where ? is any size), one size, or ``scalar``."""
        sizes = re.split("[x×,]", text)
        if text == "scalar":
            pattern = ""
        elif len(sizes) == 1:
            pattern = f"(.*,)?{re.escape(text)}(,.*)?"
        else:
            pattern = ",".join("[^,]+" if size == "?" else re.escape(size) for size in sizes)
        return self._made(self._shapes.matching(pattern) & self._is_shaped)

    def _made(self, is_tensor: Flags) -> Flags:
        made = np.zeros(self._count, np.bool_)
        made[self._node[is_tensor]] = True
        return made


def scope_paths(graph: Graph, strings: StringTable) -> list[str]:
    """For each scope its names from the outside in, such as ``encoder/layers/0``."""
    paths: list[str] = []
    scopes = graph.scopes
    for name, parent in zip(scopes.name.tolist(), scopes.parent.tolist(), strict=True):
        own = strings[name].replace(".", "/")
        paths.append(f"{paths[parent]}/{own}" if parent >= 0 else own)
    return paths


def _share(time_ns: Float64) -> Float64:
    """Of the time of all nodes; -1 where it is not known."""
    whole_ns = time_ns[time_ns >= 0].sum()
    return np.where((time_ns >= 0) & (whole_ns > 0), time_ns / max(whole_ns, 1.0), -1.0)


def _parameter_counts(graph: Graph, strings: StringTable) -> Float64:
    """How many numbers the parameters of each node hold; -1 with one of unknown shape."""
    uses = graph.parameter_uses
    sizes = _sizes(graph.parameters, strings)[uses.parameter]
    counts = np.zeros(len(graph.nodes))
    np.add.at(counts, uses.node, sizes)
    counts[uses.node[sizes < 0]] = -1.0
    return counts


def _sizes(parameters: Parameters, strings: StringTable) -> Float64:
    sizes = np.full(len(parameters), -1.0)
    of_shape: dict[int, float] = {}
    for at, row in enumerate(parameters.shape.tolist()):
        if row not in of_shape:
            parts = [part for part in strings[row].split(",") if part]
            is_known = row >= 0 and all(part.isdigit() for part in parts)
            of_shape[row] = float(np.prod([float(part) for part in parts])) if is_known else -1.0
        sizes[at] = of_shape[row]
    return sizes


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"\s", text) else text
