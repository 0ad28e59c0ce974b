"""What XLA refused to compile: its operators, where a run without XLA was kept instead."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from profilers.profile import Fusion, FusionBreaks, Graph, StringPool

KIND = "not compiled"


def with_refusal(
    fusion: Fusion,
    refused: Mapping[str, Any] | None,
    authored: Graph,
    strings: Sequence[str],
    pool: StringPool,
) -> Fusion:
    """The fusions, with a break for each node that XLA has no kernel for.

    Parameters
    ----------
    refused : mapping or None
        ``operators`` and ``why`` as the worker told them; None if XLA compiled the model.
    """
    if refused is None:
        return fusion
    operators = {str(each) for each in refused.get("operators", ())}
    nodes = [
        row
        for row, operator in enumerate(authored.nodes.operator.tolist())
        if strings[operator] in operators
    ]
    kind, why = pool.add(KIND), pool.add(str(refused.get("why", "")))
    rows = [(kind, pool.add(f"XLA has no kernel for {_operator(authored, strings, row)}"), -1, row)
            for row in nodes] or [(kind, why, -1, -1)]  # fmt: skip
    return replace(fusion, breaks=FusionBreaks.from_rows([*_rows(fusion.breaks), *rows]))


def _operator(graph: Graph, strings: Sequence[str], row: int) -> str:
    return strings[int(graph.nodes.operator[row])]


def _rows(breaks: FusionBreaks) -> list[tuple[int, ...]]:
    columns = (breaks.kind, breaks.reason, breaks.location, breaks.node)
    return list(zip(*(column.tolist() for column in columns), strict=True))
