"""Which nodes of a TensorFlow graph are gradients, and of what."""

import numpy as np

from profilers.captures.tf.files import TAPE_SCOPE
from profilers.profile import Graph, NodeKind, StringTable
from profilers.profile.table import Int32


def forward_of(authored: Graph, strings: StringTable) -> Int32:
    """For each node of a gradient the node whose gradient it is, -1 for all others.

    ``gradient_tape/net/conv/Conv2DBackpropFilter`` is one of ``net/conv``.
    """
    nodes = authored.nodes
    names = [strings[name] for name in nodes.name.tolist()]
    is_main = nodes.subgraph < 0
    rows = {name: row for row, name in enumerate(names) if is_main[row]}
    found = np.full(len(names), -1, np.int32)
    for row, name in enumerate(names):
        scope, _, rest = name.partition("/")
        if scope == TAPE_SCOPE and nodes.kind[row] != NodeKind.CONSTANT:
            parts = rest.split("/")
            whole = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
            found[row] = next((rows[each] for each in whole if each in rows), -1)
    return found
