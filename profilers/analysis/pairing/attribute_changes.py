"""Which attributes of an operator changed, whatever the frameworks call them."""

import math
from collections.abc import Mapping
from typing import Any

from profilers.analysis.operator_kinds import operator_kind
from profilers.profile import Graph, StringTable
from profilers.profile.json_column import decode

_NAMES: dict[str, tuple[str, ...]] = {  # ours, then what frameworks call it
    "stride": ("stride", "strides"),
    "dilation": ("dilation", "dilations", "dilation_rate"),
    "groups": ("groups", "group"),
    "kernel size": ("kernel_size", "kernel_shape", "ksize", "pool_size"),
    "epsilon": ("eps", "epsilon"),
    "approximation": ("approximate",),
}
_SPATIAL = frozenset({"stride", "dilation", "kernel size"})
_DEFAULTS: dict[str, dict[str, Any]] = {  # what a left-out attribute means
    "convolution": {"stride": 1, "dilation": 1, "groups": 1},
    "upconvolution": {"stride": 1, "dilation": 1, "groups": 1},
}
_OWN = frozenset({"padding", "pads", "axis", "dim", "alpha", "beta", "p", "is_causal", "scale"})
_ALIKE = 1e-3  # relative: 1e-5 is kept as 9.99999975e-06 in single precision

Change = tuple[str, str, str]  # name, value in a, value in b


def changed_attributes(
    a: Graph, strings_a: StringTable, node: int, b: Graph, strings_b: StringTable, twin: int
) -> list[Change]:
    """Attributes that both sides tell and that differ.

    Those that every framework means alike are always compared, others, such as padding, only
    between operators of one name.
    """
    operators = strings_a[int(a.nodes.operator[node])], strings_b[int(b.nodes.operator[twin])]
    raw = decode(a.attributes, node), decode(b.attributes, twin)
    ours, theirs = map(_shared, operators, raw)
    if operators[0] == operators[1]:
        ours |= {name: raw[0][name] for name in _OWN & raw[0].keys()}
        theirs |= {name: raw[1][name] for name in _OWN & raw[1].keys()}
    return [
        (name, _text(ours[name]), _text(theirs[name]))
        for name in ours
        if name in theirs and not _is_same(ours[name], theirs[name])
    ]


def _shared(operator: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, spellings in _NAMES.items():
        for spelling in spellings:
            if spelling in raw:
                value = raw[spelling]
                found[name] = _spatial(value, raw) if name in _SPATIAL else value
    if operator.startswith("aten::") or "Depthwise" in operator:
        return found  # TorchScript leaves out more than defaults, and one group is not said
    return _DEFAULTS.get(operator_kind(operator), {}) | found


def _spatial(value: Any, raw: Mapping[str, Any]) -> Any:
    """Without batch and channels, and one number where all axes have the same."""
    if isinstance(value, list):
        if "data_format" in raw and len(value) > 3:
            is_last = str(raw["data_format"]).endswith("C")
            value = value[1:-1] if is_last else value[2:]
        if value and all(each == value[0] for each in value):
            return value[0]
    return value


def _is_same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float | int) and isinstance(theirs, float | int):
        return math.isclose(ours, theirs, rel_tol=_ALIKE)
    return bool(ours == theirs)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "×".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
