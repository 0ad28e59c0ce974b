"""Figures of the authored graph's nodes by the names that other programs know them by."""

from collections.abc import Iterator

from profilers.analysis.nodes.figures import node_figures
from profilers.errors import TwinscopeError
from profilers.profile import Profile


def node_values(profile: Profile) -> Iterator[tuple[str, float, float, float]]:
    """Name, own time per step in ns, largest block in bytes, and FLOPs; -1 for what is not known.

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
    for name, *values in zip(
        profile.authored.nodes.name.tolist(),
        figures.time_ns.tolist(),
        figures.memory_bytes.tolist(),
        figures.flops.tolist(),
        strict=True,
    ):
        time_ns, memory_bytes, flops = values
        yield _writable(profile.strings[name]), time_ns, memory_bytes, flops


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
