"""What one block of memory is, who made it and where, and how long it lived."""

import html

import numpy as np
from PySide6.QtCore import QCoreApplication

from profilers.analysis.memory.groups import category_name
from profilers.analysis.memory.owners import (
    call_stack,
    making_slices,
    owner_names,
    tensor_text,
)
from profilers.profile import NEVER_NS
from profilers.units import format_bytes, format_duration
from views.context import ViewContext

_STACK_LINES = 4


def block_text(context: ViewContext, row: int) -> str:
    """Rich text of a few lines; of the call stack those from the code on that asked for the block."""
    profile, origin_ns = context.profile, context.origin_ns
    allocations, nodes, strings = (
        profile.memory.allocations,
        profile.authored.nodes,
        profile.strings,
    )
    tensor, node = tensor_text(profile, row), int(allocations.node[row])
    (owner,) = owner_names(profile, np.array([row]))
    facts = [
        f"<b>{format_bytes(int(allocations.bytes[row]))}</b>",
        tensor,
        category_name(int(allocations.category[row])).lower(),
        owner,
        strings[int(nodes.operator[node])] if node >= 0 else "",
        strings[int(nodes.source[node])] if node >= 0 else "",
    ]
    maker = int(making_slices(profile)[row])
    made_in = strings[int(profile.trace.slices.name[maker])] if maker >= 0 else ""
    if made_in not in ("", *facts):
        facts.append(_tr("in {}").format(made_in))
    begin_ns, freed_ns = int(allocations.allocated_ns[row]), int(allocations.freed_ns[row])
    since = format_duration(begin_ns - origin_ns) if begin_ns else _tr("the beginning")
    until = format_duration(freed_ns - origin_ns) if freed_ns != NEVER_NS else _tr("the end")
    facts.append(_tr("from {} to {}").format(since, until))
    text = "  ·  ".join(
        each if each.startswith("<b>") else html.escape(each) for each in facts if each
    )
    stack = call_stack(profile, row).splitlines()
    asker = owner.rpartition(" · ")[2]
    first = next((at for at, frame in enumerate(stack) if asker and asker in frame), 0)
    told = stack[first : first + _STACK_LINES]
    rest = [_tr("… {} more").format(len(stack) - len(told))] if len(stack) > len(told) else []
    return "<br>".join([text, *map(html.escape, told), *rest])


def stack_text(context: ViewContext, row: int) -> str:
    """The whole call stack that led to a block, innermost frame first; "" if it is not known."""
    return call_stack(context.profile, row)


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryView", text)
