"""A view over the sample profile."""

from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from profilers.profile import Profile
from tests.sample import sample_profile
from views import VIEWS
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.selection import Selection
from views.theme import LIGHT

ShowView = Callable[..., tuple[Any, ViewContext]]


@pytest.fixture
def show_view(qtbot: QtBot) -> ShowView:
    """``show_view("memory", profile)`` gives the shown view and its context."""

    def show(view_id: str, profile: Profile | None = None) -> tuple[Any, ViewContext]:
        profile = profile or sample_profile()
        context = ViewContext(profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis())
        slices = profile.trace.slices
        if len(slices):
            context.time_axis.take_extent(
                int(slices.start_ns.min()) - context.origin_ns,
                int((slices.start_ns + slices.duration_ns).max()) - context.origin_ns,
            )
            context.time_axis.fit()
        view = next(spec for spec in VIEWS if spec.id == view_id).create(context)
        qtbot.addWidget(view)
        view.resize(900, 400)
        view.show()
        qtbot.waitExposed(view)
        return view, context

    return show
