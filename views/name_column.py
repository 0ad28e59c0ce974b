"""A column of names of layers or nodes, which differ at their ends."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt

from profilers.analysis.shared_scopes import without_shared_scope
from views.column_table import Column


def name_column(title: str, names: Sequence[str]) -> Column:
    """Cells leave out the scopes that nearly all names have; tooltips and copies are whole."""
    return Column(
        title,
        np.array(names, object),
        without_shared_scope(names).__getitem__,
        whole=names.__getitem__,
        cut=Qt.TextElideMode.ElideLeft,
    )
