"""The weights of a model as table columns, and the nodes that read them."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from profilers.profile import Profile
from profilers.units import format_bytes
from views.column_table import Column
from views.name_column import name_column


def parameter_columns(profile: Profile) -> list[Column]:
    """Name, size, type, shape and number of readers, one row per parameter."""
    graph, strings = profile.authored, profile.strings
    table = graph.parameters
    names = [strings[row] for row in table.name.tolist()]
    dtypes = [strings[row] for row in table.dtype.tolist()]
    shapes = [strings[row].replace(",", " × ") for row in table.shape.tolist()]
    readers = np.bincount(graph.parameter_uses.parameter, minlength=len(table))
    share = table.bytes / max(int(table.bytes.sum()), 1)
    return [
        name_column(_tr("Name"), names),
        Column(_tr("Bytes"), table.bytes, lambda row: format_bytes(int(table.bytes[row])), share),
        Column(_tr("Type"), np.array(dtypes, str), dtypes.__getitem__),
        Column(_tr("Shape"), np.array(shapes, str), shapes.__getitem__),
        Column(_tr("Read by"), readers, lambda row: str(int(readers[row])), tooltip=_tr("Nodes")),
    ]


def _tr(text: str) -> str:
    return QCoreApplication.translate("ParameterTable", text)


def readers_of(profile: Profile, parameters: list[int]) -> NDArray[np.int32]:
    """Nodes that read any of the parameters."""
    uses = profile.authored.parameter_uses
    return np.unique(uses.node[np.isin(uses.parameter, parameters)])


def read_by(profile: Profile, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Parameters that any of the nodes reads."""
    uses = profile.authored.parameter_uses
    return np.unique(uses.parameter[np.isin(uses.node, nodes)])
