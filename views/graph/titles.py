"""What boxes are called."""

from functools import lru_cache

from profilers.profile import NodeKind, Profile
from views.graph.structure.hierarchy import Hierarchy

_END_WORDS = {int(NodeKind.INPUT): "input", int(NodeKind.OUTPUT): "output"}
_PREFIXES = ("aten.", "aten::", "prim::", "higher_order.")


class Titles:
    """Texts of items, from columns as lists: thousands of boxes are named while a person waits."""

    def __init__(self, profile: Profile, hierarchy: Hierarchy) -> None:
        graph = hierarchy.graph
        self._strings = profile.strings
        self._hierarchy = hierarchy
        self._tree = hierarchy.tree
        self._kinds: list[int] = graph.nodes.kind.tolist()
        self._names: list[int] = graph.nodes.name.tolist()
        self._operators: list[int] = graph.nodes.operator.tolist()
        self._scope_of: list[int] = graph.nodes.scope.tolist()
        self._scope_names: list[int] = graph.scopes.name.tolist()
        self._scope_kinds: list[int] = graph.scopes.kind.tolist()
        self._scope_parents: list[int] = graph.scopes.parent.tolist()
        self._counts: list[int] = hierarchy.node_counts.tolist()
        self._repeats: list[int] = hierarchy.repeats.tolist()
        self._first_scope = hierarchy.node_count

    def title(self, item: int) -> str:
        """The first line of a box."""
        if item < self._first_scope:
            if self._kinds[item] in _END_WORDS:
                return self._strings[self._names[item]]
            return self.operator(item)
        scope = self._hierarchy.scope_row(item)
        if scope >= 0:
            return self._strings[self._scope_names[scope]]
        body = self._hierarchy.subgraph_row(item)
        if body >= 0:
            return self._strings[int(self._hierarchy.graph.subgraphs.name[body])]
        blocks = self._tree.children(item)
        return f"{self.title(int(blocks[0]))} … {self.title(int(blocks[-1]))}"

    def subtitle(self, item: int) -> str:
        """The second line: a box's class and content, the module of a node or its name."""
        if item >= self._first_scope:
            return _content(self._repeats[item], self.kind(item), self._counts[item])
        word = _END_WORDS.get(self._kinds[item]) or self._lone_scopes(item)
        return word or self._strings[self._names[item]].rpartition("/")[2]

    def open_title(self, item: int) -> str:
        """The one line of an unfolded box: its title, and its class or the node's name."""
        title = self.title(item)
        more = self.subtitle(item) if item < self._first_scope else self.kind(item)
        parts = (title, more if more != title else "", self.repeats(item))
        return "  ".join(part for part in parts if part)

    def name(self, item: int) -> str:
        """The whole name of a node, or the path of a scope."""
        if item < self._first_scope:
            return self._strings[self._names[item]]
        around = [item, *self._hierarchy.ancestors(item)]
        return "/".join(self.title(each) for each in reversed(around))

    def operator(self, node: int) -> str:
        """Short: ``conv2d`` for ``aten.conv2d``."""
        name = self._strings[self._operators[node]]
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        return name

    def repeats(self, item: int) -> str:
        """``×48`` for a box of equal blocks, else empty."""
        count = self._repeats[item]
        return f"×{count}" if count else ""

    def kind(self, item: int) -> str:
        """The class of a scope, or of the blocks in a run; empty for others."""
        scope = self._hierarchy.scope_row(item)
        if scope >= 0:
            return self._strings[self._scope_kinds[scope]]
        if item >= self._hierarchy.first_run:
            return self.kind(int(self._tree.children(item)[0]))
        return ""

    def _lone_scopes(self, node: int) -> str:
        """Names of the scopes that a node stands in for: they hold nothing else."""
        shown = self._hierarchy.scope_row(int(self._tree.parent[node]))
        scope, names = self._scope_of[node], []
        while scope not in (-1, shown):
            names.append(self._strings[self._scope_names[scope]])
            scope = self._scope_parents[scope]
        return "/".join(reversed(names))


@lru_cache(maxsize=4096)
def _content(repeats: int, kind: str, count: int) -> str:
    parts = (f"×{repeats}" if repeats else "", kind, f"{count:,} nodes")
    return "  ·  ".join(part for part in parts if part)
