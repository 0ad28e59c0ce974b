"""Figures of the authored graph's nodes by the names that other programs know them by."""

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from profilers.analysis.nodes.figures import NodeFigures, node_figures
from profilers.errors import TwinscopeError
from profilers.profile import Graph, NodeKind, Profile
from profilers.profile.table import Float64, Int64

CALLS = re.compile(r"^(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")  # around a function's own names
_TIMES_CALLED = re.compile(r"_\d+$")  # Keras counts how often a layer was called


def node_values(profile: Profile) -> Iterator[tuple[str, float, float, float]]:
    """Name, own time per step in ns, largest block in bytes, and FLOPs; -1 for what is not known.

    Nodes first, then layers, which are the nodes of other programs: a layer has what is in it. Nodes
    of a TensorFlow function have its own name for them, too.

    Raises
    ------
    TwinscopeError
        If there is no graph, or it was not run.
    """
    if not len(profile.authored.nodes):
        raise TwinscopeError(f"{profile.name} has no graph to write", "", "Profile a model.")
    figures = node_figures(profile)
    if not (figures.time_ns >= 0).any():
        raise TwinscopeError(
            f"{profile.name} has no times to write", "no node was measured", "Profile the model."
        )
    names = [profile.strings[name] for name in profile.authored.nodes.name.tolist()]
    taken = set(names)
    for name, *values in zip(
        names,
        figures.time_ns.tolist(),
        figures.memory_bytes.tolist(),
        figures.flops.tolist(),
        strict=True,
    ):
        time_ns, memory_bytes, flops = values
        yield _writable(name), time_ns, memory_bytes, flops
        own = CALLS.sub("", name)
        if own not in taken:
            yield _writable(own), time_ns, memory_bytes, flops
    yield from _layer_values(profile, figures)


def _layer_values(
    profile: Profile, figures: NodeFigures
) -> Iterator[tuple[str, float, float, float]]:
    graph, strings = profile.authored, profile.strings
    taken = Counter(strings[name] for name in graph.nodes.name.tolist())
    names = [strings[name] for name in graph.scopes.name.tolist()]
    is_layer = (graph.scopes.kind >= 0).tolist()
    taken.update(name for name, layer in zip(names, is_layer, strict=True) if layer)
    for scope, name in enumerate(names):
        if not is_layer[scope] or taken[name] > 1 or name.isdigit():  # ids elsewhere
            continue
        nodes = _nodes_within(graph, scope)
        values = (
            _known_sum(figures.time_ns[nodes]),
            float(figures.memory_bytes[nodes].max(initial=-1)),
            _known_sum(figures.flops[nodes]),
        )
        yield _writable(name), *values
        plain = _TIMES_CALLED.sub("", name)
        if plain and not taken[plain]:
            yield _writable(plain), *values


def _nodes_within(graph: Graph, scope: int) -> Int64:
    is_within = np.zeros(len(graph.scopes) + 1, bool)  # the last one is for none
    is_within[scope] = True
    for row, parent in enumerate(graph.scopes.parent.tolist()):
        if row > scope:  # parents come first
            is_within[row] = is_within[parent]
    return np.flatnonzero(is_within[graph.nodes.scope])


def _known_sum(values: Float64) -> float:
    known = values[values >= 0]
    return float(known.sum()) if len(known) else -1.0


def numbers_in_file(profile: Profile) -> dict[str, str]:
    """The numbers of a TFLite file's operators by their names; nothing for other files."""
    if not str(profile.environment.request.get("model_path", "")).endswith(".tflite"):
        return {}
    nodes = profile.authored.nodes
    is_operator = ~np.isin(nodes.kind, (NodeKind.INPUT, NodeKind.OUTPUT)) & (nodes.subgraph < 0)
    names = nodes.name[is_operator].tolist()
    return {_writable(profile.strings[name]): str(at) for at, name in enumerate(names)}


def output_tensors(profile: Profile) -> dict[str, list[str]]:
    """Names of the tensors that each node makes."""
    graph, strings = profile.authored, profile.strings
    found: dict[str, list[str]] = {}
    for source, tensor in zip(
        graph.edges.source.tolist(), graph.edges.tensor.tolist(), strict=True
    ):
        made = found.setdefault(_writable(strings[int(graph.nodes.name[source])]), [])
        name = _writable(strings[tensor])
        if name and name not in made:
            made.append(name)
    return found


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
