"""What compilers trace, told by the same words as the authored operators."""

from collections.abc import Sequence
from itertools import pairwise

_SYNONYMS = {
    "iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "truediv": "div",
    "floordiv": "floor_divide", "view": "reshape", "_unsafe_view": "reshape", "concat": "cat",
    "concatenate": "cat", "_softmax": "softmax", "native_layer_norm": "layer_norm",
    "native_batch_norm": "batch_norm", "_batch_norm_impl_index": "batch_norm",
    "native_dropout": "dropout", "_native_batch_norm_legit_no_training": "batch_norm",
    "einsum": "einsum", "__getitem__": "getitem", "select": "getitem", "slice": "getitem",
    "swapaxes": "transpose", "t": "transpose",
}  # fmt: skip


def plain_operator(operator: str) -> str:
    """``aten::add_`` and ``iadd`` are both ``add``."""
    name = operator.rpartition("::")[2].rpartition(".")[2]
    name = name.rstrip("_") if not name.startswith("__") else name
    return _SYNONYMS.get(name, name)


def with_gaps(places: Sequence[int], rows: Sequence[int]) -> list[list[int]]:
    """Rows of each place; a run without places has those between, else those beside it."""
    nodes = [[rows[place]] if place >= 0 else [] for place in places]
    known = [-1, *(number for number, place in enumerate(places) if place >= 0), len(places)]
    for before, after in pairwise(known):
        begin = places[before] + 1 if before >= 0 else 0
        end = places[after] if after < len(places) else len(rows)
        gap = list(rows[begin:end]) or list(rows[max(begin - 1, 0) : end + 1])
        for number in range(before + 1, after):
            nodes[number] = gap
    return nodes
