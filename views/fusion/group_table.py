"""The fused kernels as a table."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication

from profilers.analysis.fusion_savings import FusionSavings
from profilers.units import format_duration, format_percent
from views.column_table import Column
from views.fusion.groups import Group

TIME_COLUMN = 1


def group_columns(groups: Sequence[Group], savings: FusionSavings | None) -> list[Column]:
    """One row per group; with the figures of another column where there are any."""
    share = np.array([group.share for group in groups])
    kernel = _text(_tr("Kernel"), [group.name for group in groups])
    time = Column(
        _tr("Time"),
        np.array([group.step_ns for group in groups]),
        lambda row: format_duration(groups[row].step_ns) if groups[row].step_ns >= 0 else "",
        share / max(float(share.max(initial=0.0)), 1e-9),
        _tr("Per step"),
    )
    of_all = Column(_tr("Share"), share, lambda row: format_percent(share[row]))
    members = Column(
        _tr("Operators"),
        np.array([len(group.members) for group in groups]),
        lambda row: str(len(groups[row].members)),
        tooltip=_tr("Operators of the model that it was made of"),
    )
    return [
        kernel,
        time,
        of_all,
        *(_saved(savings) if savings is not None else ()),
        _text(_tr("Kind"), [group.heading for group in groups]),
        _text(_tr("Module"), [group.scope for group in groups]),
        members,
    ]


def _saved(savings: FusionSavings) -> list[Column]:
    apart, saved = savings.apart_ns, savings.saved_ns
    known = ~np.isnan(saved)
    return [
        Column(
            _tr("Apart"),
            apart,
            lambda row: format_duration(apart[row]) if apart[row] >= 0 else "",
            tooltip=_tr("Its operators one by one, in the other column, per step"),
        ),
        Column(
            _tr("Saved"),
            np.where(known, saved, -np.inf),
            lambda row: format_duration(saved[row]) if known[row] else "",
            tooltip=_tr("Negative where the fused kernel takes longer"),
        ),
    ]


def _text(title: str, values: list[str]) -> Column:
    return Column(title, np.array(values, object), values.__getitem__)


def _tr(text: str) -> str:
    return QCoreApplication.translate("FusionTable", text)
