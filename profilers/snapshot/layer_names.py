"""Names that the model's author gave: of layers, tensors, parameters and own classes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from profilers.profile import Graph, Profile, SliceKind
from profilers.snapshot.common_layers import COMMON_LAYERS
from profilers.snapshot.common_words import COMMON_WORDS
from profilers.snapshot.hashing import hashed
from profilers.snapshot.packed_json import READ_ROWS, texts_between

_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AUTHORS_RANGES = (SliceKind.SCOPE, SliceKind.ANNOTATION, SliceKind.PYTHON)
_CLASS = re.compile(rb'"class":\s*"([^"\\]+)"')
_FRAMEWORKS = (b"torch", b"torchvision", b"keras", b"timm", b"transformers")
_SHORTEST = 2


@dataclass(frozen=True)
class LayerNames:
    """Words that are replaced wherever they stand, but for those that tell nothing of the author.

    Parameters
    ----------
    words : frozenset of str
        What the author named.
    kept : frozenset of str
        The frameworks' own, such as operators: they stay also where one begins with a layer's name.
    """

    words: frozenset[str]
    kept: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *profiles: Profile) -> "LayerNames":
        """Those of profiles that are given away together: a trace may name another one's layers."""
        given = (name for profile in profiles for name in _given_names(profile))
        known = (name for profile in profiles for name in _common_names(profile))
        words, kept = (
            frozenset(w for name in names for w in _PART.findall(name)) for names in (given, known)
        )
        kept -= {name for profile in profiles for name in _classes_of_scopes(profile)}
        return cls(frozenset(w for w in words - kept if _tells_something(w)), kept)

    def hidden(self, text: str) -> str:
        """The text with each of the words hashed."""
        return _PART.sub(lambda found: self._replaced(found[0]), text)

    def found_in(self, text: str) -> Iterator[str]:
        return (word for word in _PART.findall(text) if self._replaced(word) != word)

    def _replaced(self, word: str) -> str:
        """Also ``conv_0_kernel_time`` for a layer ``conv_0``."""
        if word in self.kept or not _tells_something(word):
            return word
        end = len(word)
        while end > 0:
            if word[:end] in self.words:
                return hashed(word[:end]) + word[end:]
            end = word.rfind("_", 0, end)
        return word


def _tells_something(word: str) -> bool:
    is_common = word in COMMON_LAYERS or word.lower() in COMMON_WORDS
    return len(word) >= _SHORTEST and not is_common


def _given_names(profile: Profile) -> Iterable[str]:
    strings = profile.strings
    for graph in profile.graphs:
        for column in (
            graph.nodes.name, graph.edges.tensor, graph.scopes.name, graph.scopes.kind,
            graph.parameters.name, graph.subgraphs.name,
        ):  # fmt: skip
            yield from (strings[row] for row in set(column.tolist()))
        yield from _classes_of_modules(graph)
    slices = profile.trace.slices
    for kind in _AUTHORS_RANGES:
        yield from (strings[row] for row in set(slices.name[slices.kind == kind].tolist()))
    for name in (profile.name, profile.environment.model_name):
        yield name.partition(".")[0]
    request = profile.environment.request
    yield str(request.get("signature", ""))
    inputs = request.get("inputs")
    for each in inputs if isinstance(inputs, list | tuple) else ():
        yield str(each.get("name", "")) if isinstance(each, Mapping) else ""


def _classes_of_modules(graph: Graph) -> Iterable[str]:
    """What trees of modules say of each: ``package.models.Block``, of others than the frameworks."""
    attributes = graph.attributes
    for begin in range(0, len(attributes), READ_ROWS):
        for text in texts_between(attributes, begin, min(begin + READ_ROWS, len(attributes))):
            name = _CLASS.search(text)
            if name is not None and name[1].partition(b".")[0] not in _FRAMEWORKS:
                yield name[1].decode("utf-8", "replace")


def _classes_of_scopes(profile: Profile) -> Iterable[str]:
    """A class is its author's also where a graph calls it an operator."""
    for graph in profile.graphs:
        for row in set(graph.scopes.kind.tolist()):
            yield profile.strings[row].rpartition(".")[2]


def _common_names(profile: Profile) -> Iterable[str]:
    """Operators, PyTorch's namespaces and what it ran with and on are not the author's words."""
    environment = profile.environment
    yield from (environment.framework, environment.mode, environment.device)
    yield from (environment.peaks.processor, environment.peaks.measured_by)
    for graph in profile.graphs:
        yield from (profile.strings[row] for row in set(graph.nodes.operator.tolist()))
    slices = profile.trace.slices
    yield from (profile.strings[row] for row in set(slices.category.tolist()))
    operators = set(slices.name[slices.kind == SliceKind.OPERATOR].tolist())
    yield from (profile.strings[row] for row in operators if "::" in profile.strings[row])
