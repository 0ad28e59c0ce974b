"""What kept torch.compile from fusing more, in its own words: where it happened and to which node."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from profilers.captures.pytorch.links import operator_name
from profilers.graphs.torch_inductor_code import KernelCall, is_copy
from profilers.graphs.torch_inductor_graph import CompiledGraph
from profilers.profile import FusionBreaks, Graph, NodeKind, StringPool, StringTable

Json = dict[str, Any]
_Row = tuple[str, str, str, int]  # kind, reason, location, authored node

GRAPH_BREAK, FAILURE = "graph break", "compile failure"
_USER_CODE = re.compile(r"from user code:?|User code traceback|Found from ?:")
_SKIPPING = re.compile(r"^(?:(?:skipping|disabling) cudagraphs due to )+")
_PLACE = re.compile(r"(?P<file>[^\\/\s\"]+\.py)(?::|\", line )(?P<line>\d+)")
_COMPILATION = re.compile(r"^\d+/\d+(?:_\d+)?: ")
_RESUMED = re.compile(r"torch_dynamo_resume_in_(?P<function>.+)_at_(?P<line>\d+)")
_NAMED = re.compile(
    r"target: ([\w.:]+)|call_function ([\w.:]+)|`([\w.:]+?)(?:\(\))?`|Operator `?([\w.:]+)|qualname: (\w+)|\b(\w+)\("
)
_HINT = re.compile(r"\(HINT: (.*)\)")
_INSTALLED = re.compile(r"[^\s`'\"]*[\\/]site-packages[\\/]")
_NO_MESSAGE = " Message: None."  # a break that a person put there without one
_SKIPPED = "Skipping the function and falling back to eager"
_INSTEAD = {"item": "local_scalar_dense", "nonzero": "where"}  # what else may have called it


def fusion_breaks(
    document: Json,
    graphs: Sequence[CompiledGraph],
    authored: Graph,
    strings: StringTable,
    pool: StringPool,
    lines: Mapping[int, str] | None = None,
) -> FusionBreaks:
    """A row for a compiler that gave up, and for every graph break, recompilation, fallback, layout
    copy and CUDA graph not taken.

    Parameters
    ----------
    document : dict
        JSON of `profilers.runtimes.pytorch.compile_log`.
    graphs : sequence of CompiledGraph
        With the members of each kernel call.
    lines : mapping of int to str, optional
        Lines of code by authored node, where the graph itself does not tell them.
    """
    found = _Finder(authored, strings, lines or {})
    failure, frames = document.get("failure"), document["frames"]
    rows: list[_Row] = [
        *([found.failure(failure["reason"], failure["detail"])] if failure else []),
        *(found.graph_break(text) for text in dict.fromkeys(document["breaks"])),
        *(
            found.recompile(each, frames)
            for each in document["recompiles"]
            if _was_compiled(each, frames)
        ),
        *(found.limit(text) for text in dict.fromkeys(document["limits"])),
        *(found.skip(text) for text in document["cudagraph_skips"]),
    ]
    for graph in graphs:
        for call, members in zip(graph.code.calls, graph.members, strict=True):
            rows += found.calls(call, members, {each.name for each in graph.code.inputs})
    return FusionBreaks.from_rows(
        (pool.add(kind), pool.add(reason), pool.add(place) if place else -1, node)
        for kind, reason, place, node in dict.fromkeys(rows)
    )


class _Finder:
    def __init__(self, authored: Graph, strings: StringTable, lines: Mapping[int, str]) -> None:
        nodes = authored.nodes
        self._sources = [
            strings[source] or lines.get(row, "")
            for row, source in enumerate(nodes.source.tolist())
        ]
        self._operators = [_plain(strings[row]) for row in nodes.operator.tolist()]
        self._at: dict[str, list[int]] = {}
        for row, source in enumerate(self._sources):
            if source and nodes.kind[row] != NodeKind.OUTPUT:
                self._at.setdefault(source, []).append(row)

    def graph_break(self, text: str) -> _Row:
        """The explanations and hints; the node is one of that line, or the first operator named."""
        head = text.partition("User code traceback")[0]  # below it all is told once more
        lines = [line.strip() for line in head.splitlines() if line.strip()]
        told = list(dict.fromkeys(_after(lines, "Explanation:")))
        reason = " ".join(map(_sentence, told[:1])) or _sentence(_first_telling(lines))
        if _SKIPPED in text:
            why = f" ({told[1].rstrip('.')})" if len(told) > 1 else ""
            reason += f" The whole function runs without the compiler{why}."
        hints = _after(lines, "Hint:")
        if hints:
            reason += f" Hint: {_sentence(hints[0])}"
        place = _place(text)
        reason = reason.replace(_NO_MESSAGE, "")
        return GRAPH_BREAK, _INSTALLED.sub("", reason), place, self._node(place, head)

    def failure(self, reason: str, text: str) -> _Row:
        """Where the model's code led to it, as far as the error tells."""
        head, *traceback = _USER_CODE.split(text, maxsplit=1)
        place = _place(traceback[0]) if traceback else ""
        told = f"The compiler gave up, so nothing is compiled: {_sentence(reason)}"
        return FAILURE, _INSTALLED.sub("", told), place, self._node(place, head)

    def recompile(self, record: Json, frames: Mapping[str, Json]) -> _Row:
        """The guard of the newest compilation, which is the one that ought to have held."""
        frame = frames.get(record["id"], {})
        text = _COMPILATION.sub("", record["reasons"][0]) if record["reasons"] else ""
        guard = text.splitlines()[0].partition("  #")[0].strip() if text else ""
        place = _place(text) or _function_place(frame)
        reason = f"{_function(frame)} was compiled again, as a guard failed: {guard}."
        return "recompile", reason, place, self._at.get(place, [-1])[0]

    def limit(self, text: str) -> _Row:
        """``hit config.recompile_limit (8)``, then the function and the last reason."""
        lines = [line.strip() for line in text.splitlines()]
        limit = lines[0].rpartition("config.")[2].replace(" (", " of ").rstrip(")")
        last = _COMPILATION.sub("", next(iter(_after(lines, "last reason:")), ""))
        guard, _, comment = last.partition("  #")
        hint = _HINT.search(comment)
        reason = (
            f"The limit of compilations is reached ({limit}): calls that fit none run without the "
            f"compiler. The last guard that failed: {_sentence(guard)}"
        )
        reason += f" Hint: {_sentence(hint[1])}" if hint else ""
        place = _place(text.partition("User stack trace")[2]) or _place(text)
        return "recompile limit", reason, place, self._at.get(place, [-1])[0]

    def skip(self, text: str) -> _Row:
        """``skipping cudagraphs due to mutated inputs (1 instances). Found from : `` and the place."""
        head, *traceback = _USER_CODE.split(text, maxsplit=1)
        place = _place(traceback[0]) if traceback else ""
        why = _SKIPPING.sub("", head.strip())  # said twice where one part quotes another
        reason = f"The kernels are launched one by one and not replayed as a CUDA graph: {_sentence(why)}"
        return "cudagraph skip", reason, place, self._at.get(place, [-1])[0]

    def calls(self, call: KernelCall, members: Sequence[int], inputs: set[str]) -> Iterator[_Row]:
        node = self._nearest(members, call.name)
        place = self._sources[node] if node >= 0 else ""
        if call.kind == "fallback":
            reason = (
                f"Inductor generates no code for {call.name}: the operator runs as it is, and nothing "
                "is fused into it."
            )
            yield "fallback", reason, place, node
        elif call.source and is_copy(call, inputs):
            reason = (
                f"{call.name} copies {len(call.writes)} tensors into another memory layout, in every "
                "step, for the kernels that read them."
            )
            yield "layout copy", reason, place, node

    def _nearest(self, members: Sequence[int], operator: str) -> int:
        """The member whose name begins most like the operator's; of several the last."""
        wanted = _plain(operator)
        return max(
            members,
            key=lambda row: (_common_beginning(self._operators[row], wanted), row),
            default=-1,
        )

    def _node(self, place: str, text: str) -> int:
        here = self._at.get(place, [])
        names = [
            name
            for match in _NAMED.findall(text.partition("For more details")[0])
            for name in match
            if name
        ]
        wanted = dict.fromkeys(_plain(name) for name in names)
        for rows in (here, range(len(self._operators))):
            for name in wanted:
                for row in rows:
                    if self._operators[row] in (name, _INSTEAD.get(name)):
                        return row
        return here[0] if here else -1


def _was_compiled(record: Json, frames: Mapping[str, Json]) -> bool:
    """Beyond the limit nothing is compiled: the limit has a row of its own."""
    return bool(frames.get(record["id"], {}).get("function"))


def _plain(operator: str) -> str:
    """``aten::_pack_padded_sequence`` and ``torch.nn.utils.rnn.pack_padded_sequence`` alike."""
    name = operator_name(operator.removesuffix(".default")).rpartition("::")[2].rpartition(".")[2]
    return name.strip("_").lower()


def _common_beginning(a: str, b: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _after(lines: Sequence[str], label: str) -> list[str]:
    return [line.removeprefix(label).strip() for line in lines if line.startswith(label)]


def _first_telling(lines: Sequence[str]) -> str:
    told = [line for line in lines if not line.startswith(("Graph break", "[", "]"))]
    return (told or list(lines) or [""])[0].removeprefix("Graph Break Reason:").strip(' ",')


def _sentence(text: str) -> str:
    plain = text.strip()
    return plain if plain.endswith((".", "!", "?")) or not plain else f"{plain}."


def _place(text: str) -> str:
    match = _PLACE.search(text)
    return f"{match['file']}:{match['line']}" if match else ""


def _function_place(frame: Mapping[str, Any]) -> str:
    file = PurePath(str(frame.get("file", "")).replace("\\", "/")).name
    return f"{file}:{frame.get('line')}" if file else ""


def _function(frame: Mapping[str, Any]) -> str:
    """What follows a graph break is a function of Dynamo's own making."""
    name = str(frame.get("function", "")) or "A function"
    match = _RESUMED.fullmatch(name)
    return f"The rest of {match['function']} from line {match['line']}" if match else name
