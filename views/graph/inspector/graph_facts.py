"""What the graph itself says of a node: names, tensors, parameters, attributes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QCoreApplication

from profilers.profile import Edges, Graph, Parameters, Profile, decode
from profilers.units import format_bytes, format_count
from views.graph.inspector.section import SHOWN, Bars, Section


def tr(text: str) -> str:
    return QCoreApplication.translate("NodeInspector", text)


def problems(profile: Profile, graph: Graph, node: int) -> Section:
    section = Section("problems", tr("Problems"))
    table = graph.problems
    for row in table.sentence[table.node == node][:SHOWN].tolist():
        section.add("", profile.strings[row], is_warning=True)
    return section


def identity(profile: Profile, graph: Graph, node: int) -> Section:
    """Operator, module and place in the source."""
    strings, nodes = profile.strings, graph.nodes
    section = Section("identity", strings[int(nodes.name[node])])
    section.add(tr("Operator"), strings[int(nodes.operator[node])])
    path = _path(profile, graph, int(nodes.scope[node]))
    if path:
        section.add(tr("Module"), "/".join(name for name, _ in path))
        kinds = [kind for _, kind in path if kind]
        if kinds:
            section.add(tr("Class"), kinds[-1])
    if nodes.source[node] >= 0:
        section.add(tr("Source"), strings[int(nodes.source[node])])
    section.add("FLOPs", format_count(int(nodes.flops[node])))
    return section


def origins(profile: Profile, graph: Graph, node: int) -> Section:
    """The authored nodes that a node of a later stage was made from."""
    section = Section("origins", tr("Made from"))
    table, authored = graph.origins, profile.authored.nodes
    for row in table.authored[table.node == node][:SHOWN].tolist():
        operator = profile.strings[int(authored.operator[row])]
        section.add(profile.strings[int(authored.name[row])], operator)
    return section


def tensors(profile: Profile, graph: Graph, node: int) -> list[Section]:
    """What it reads, with where it comes from, and what it makes, with who reads it."""
    edges, strings = graph.edges, profile.strings
    inputs, outputs = Section("inputs", tr("Inputs")), Section("outputs", tr("Outputs"))
    for row in np.flatnonzero(edges.target == node)[:SHOWN].tolist():
        source = strings[int(graph.nodes.name[edges.source[row]])]
        inputs.add(
            strings[int(edges.tensor[row])], _tensor(profile, edges, row, tr("from"), source)
        )
    made = np.flatnonzero(edges.source == node)
    for tensor in dict.fromkeys(edges.tensor[made].tolist()):
        rows = made[edges.tensor[made] == tensor]
        readers = [strings[int(graph.nodes.name[edges.target[row]])] for row in rows.tolist()]
        text = _tensor(profile, edges, int(rows[0]), tr("to"), _listed(readers))
        outputs.add(strings[tensor], text)
        if len(outputs.facts) == SHOWN:
            break
    return [inputs, outputs]


def parameters(profile: Profile, graph: Graph, node: int) -> Section:
    """Shape, size and statistics of what it reads of the weights, and who shares them."""
    uses, table, strings = graph.parameter_uses, graph.parameters, profile.strings
    section = Section("parameters", tr("Parameters"))
    for row in uses.parameter[uses.node == node][:SHOWN].tolist():
        section.add(strings[int(table.name[row])], _tensor(profile, table, row))
        others = uses.node[(uses.parameter == row) & (uses.node != node)]
        if len(others):
            names = [strings[int(graph.nodes.name[other])] for other in others.tolist()]
            section.add(tr("shared with"), _listed(names))
        if len(graph.parameter_statistics):
            _add_statistics(section, decode(graph.parameter_statistics, row))
    return section


def attributes(graph: Graph, node: int) -> Section:
    section = Section("attributes", tr("Attributes"))
    for name, value in list(decode(graph.attributes, node).items())[:SHOWN]:
        section.add(str(name), str(value))
    return section


def _add_statistics(section: Section, found: dict[str, Any]) -> None:
    """Damaged figures of a file from elsewhere are left out."""
    count = found.get("sampled", found.get("count"))
    if not isinstance(count, int) or not count:
        return
    for key, label in (("nan", "NaN"), ("infinite", tr("infinite"))):
        bad = found.get(key)
        if isinstance(bad, int) and bad:
            section.add(label, tr("{:,} of {:,} values").format(bad, count), is_warning=True)
    low, high = found.get("minimum"), found.get("maximum")
    if not (isinstance(low, (int, float)) and isinstance(high, (int, float))):
        return
    section.add(tr("range"), f"{low:.4g} … {high:.4g}")
    mean, spread = found.get("mean"), found.get("standard_deviation")
    if isinstance(mean, (int, float)) and isinstance(spread, (int, float)):
        section.add(tr("mean ± deviation"), f"{mean:.4g} ± {spread:.4g}")
    zeros = found.get("zeros")
    if isinstance(zeros, int) and zeros:
        section.add(tr("zeros"), f"{zeros:,}  ·  {zeros / count:.1%}")
    histogram = found.get("histogram")
    if isinstance(histogram, list) and all(isinstance(each, int) for each in histogram):
        tip = tr("Histogram of {:,} values").format(count)
        bars = Bars(tuple(map(float, histogram)), f"{low:.3g}", f"{high:.3g}", tip)
        section.add(tr("histogram"), "", bars)
    if "sampled" in found:
        section.add("", tr("of every {}th value").format(max(found["count"] // count, 1)))


def _tensor(
    profile: Profile, table: Edges | Parameters, row: int, word: str = "", other: str = ""
) -> str:
    """Its shape, below it dtype and size, below that where it comes from or goes to."""
    strings = profile.strings
    shape = strings[int(table.shape[row])] if table.shape[row] >= 0 else "?"
    dtype = strings[int(table.dtype[row])] if table.dtype[row] >= 0 else "?"
    size = f"  {format_bytes(int(table.bytes[row]))}" if table.bytes[row] >= 0 else ""
    text = f"{shape.replace(',', ' × ') or tr('scalar')}\n{dtype}{size}"
    return f"{text}\n{word} {other}" if other else text


def _path(profile: Profile, graph: Graph, scope: int) -> list[tuple[str, str]]:
    """Names and classes of the scopes around a node, from the outside in."""
    found = []
    while scope >= 0:
        name, kind = graph.scopes.name[scope], graph.scopes.kind[scope]
        found.append((profile.strings[int(name)], profile.strings[int(kind)]))
        scope = int(graph.scopes.parent[scope])
    return found[::-1]


def _listed(names: Sequence[str]) -> str:
    few = [name[:80] for name in names[:4]]
    return ", ".join(few) + (f" … {len(names):,}" if len(names) > len(few) else "")
