"""Layout reorders and casts: work that computes nothing."""

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import (
    Finding,
    costliest,
    counted,
    in_steps,
    listed,
    of_each_step,
    step_count,
)
from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.wall_time import wall_time
from profilers.profile import Profile, SliceKind
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.02
_KINDS = (
    (
        "casts",
        re.compile(r"\bcast|_to_copy|convert_element_type|dtype_cast|quantize|_cast\b", re.IGNORECASE),
        "casts between types",
        "Keep one type through the model: convert the weights once, or widen where autocast applies.",
    ),
    (
        "layout",
        re.compile(
r"reorder|(?<!conv)(?<!conv_)transpose(?!d)|aten::permute|nchwtonhwc|nhwctonchw"
            r"|contiguous|aten::clone|aten::copy_|_mkltolayout",
            re.IGNORECASE,
        ),
        "reorders and copies of layouts",
        "Choose one memory format for the whole model (channels-last for convolutions), and make "
        "tensors contiguous once instead of in every step.",
    ),
)  # fmt: skip


def find(profile: Profile) -> Iterator[Finding]:
    """Operators and kernels that only change a tensor's type or layout, where they take long."""
    wall, slices, strings = wall_time(profile), profile.trace.slices, profile.strings
    if not wall.whole_ns:
        return
    rows = np.flatnonzero((wall.slice_ns > 0) & (slices.kind != SliceKind.SCOPE))
    rows = rows[in_steps(profile, rows)]
    of_kind: dict[str, list[int]] = defaultdict(list)
    kind_of_name = {name: _kind(strings[name]) for name in np.unique(slices.name[rows]).tolist()}
    for row, name in zip(rows.tolist(), slices.name[rows].tolist(), strict=True):
        of_kind[kind_of_name[name]].append(row)
    for kind, _, title, advice in _KINDS:
        found = np.array(of_kind.get(kind, []), np.int64)
        cost = float(wall.slice_ns[found].sum())
        if not len(found) or cost < _LEAST_SHARE * wall.whole_ns:
            continue
        steps = step_count(profile)
        largest = costliest(found, wall.slice_ns[found])
        names = [short_kernel_name(strings[int(slices.name[row])])[:60] for row in largest]
        share = cost / wall.whole_ns
        yield Finding(
            kind,
            f"{format_duration(cost / steps)} {of_each_step(profile)} ({format_percent(share)}) are {title}: "
            f"{counted(max(round(len(found) / steps), 1), 'slice')}; {listed(names)}.",
            advice,
            cost / steps,
            share=share,
            slices=largest,
        )


def _kind(name: str) -> str:
    return next((kind for kind, pattern, _, _ in _KINDS if pattern.search(name)), "")
