"""The loops of the layout: compiled where they are loaded, else as plain Python. No Qt."""

from collections.abc import Callable, MutableSequence
from types import SimpleNamespace
from typing import Any, get_origin, get_type_hints

import numpy as np

from profilers import compiled
from profilers.compiled import graph_flow, graph_order, graph_places, graph_ranks, graph_routes


def loops() -> Any:
    """What holds all loops by name; never waits for compiled ones."""
    return compiled.loaded() or _PLAIN


def _over_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """As the function, over lists, which plain Python reads several times faster than arrays."""
    hints = [hint for name, hint in get_type_hints(function).items() if name != "return"]
    changed = [at for at, hint in enumerate(hints) if get_origin(hint) is MutableSequence]

    def run(*arguments: Any) -> Any:
        plain = [each.tolist() if isinstance(each, np.ndarray) else each for each in arguments]
        result = function(*plain)
        for at in changed:
            arguments[at][:] = plain[at]
        return result

    return run


_PLAIN = SimpleNamespace(
    **{
        function.__name__: _over_lists(function)
        for function in (
            graph_flow.flow_order,
            graph_flow.fill_groups,
            graph_ranks.fill_heights,
            graph_ranks.follow_longest,
            graph_ranks.fill_ranks,
            graph_order.walk_rows,
            graph_order.count_crossings,
            graph_order.sort_rows,
            graph_order.swap_neighbours,
            graph_places.pull_rows,
            graph_places.straighten,
            graph_routes.route_trunks,
            graph_routes.route_tails,
        )
    }
)
