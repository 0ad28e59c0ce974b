"""What the details pane tells of one slice, alone and beside another column."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile
from profilers.units import format_duration
from tests.benchmarks.bench_timeline import large_profile
from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.test_timeline import middle_of, row_named
from tests.views.timeline_samples import launches
from views.context import Peer, ViewContext
from views.timeline import TimelineView
from views.timeline.flows import FlowIndex
from views.timeline.slice_facts import SliceFacts, own_time_ns

LEFT = Qt.MouseButton.LeftButton


def facts_of(view: TimelineView, row: int) -> dict[str, str]:
    """As the pane shows them; full texts, of which the cell shows one line."""
    view.scene.context.selection.pick_slice(row)
    items = [
        view.details.facts.topLevelItem(at) for at in range(view.details.facts.topLevelItemCount())
    ]
    return {item.text(0): item.toolTip(1) for item in items}


def facts_beside(
    context: ViewContext, other: Profile, twins: list[int], row: int
) -> dict[str, str]:
    peer = Peer("B", other, lambda nodes: np.array(twins, np.int32))
    trace = context.profile.trace
    beside = replace(context, peers=lambda: [peer])
    return dict(SliceFacts(beside, FlowIndex(trace.flows, trace.slices)).of(row))


def test_a_kernel_tells_who_launched_it_and_how_long_it_waited(show_view: ShowView) -> None:
    view, context = show_view("timeline", launches())
    facts = facts_of(view, row_named(context.profile, "gemm"))
    assert facts["Launched by"] == "aten::mm  ·  cudaLaunchKernel"
    assert facts["Launch delay"] == "5 µs after the launch call returned"


def test_without_an_arrow_the_launch_id_tells_it(show_view: ShowView) -> None:
    view, context = show_view("timeline", launches())
    facts = facts_of(view, row_named(context.profile, "gemm", nth=1))
    assert facts["Launched by"] == "aten::mm  ·  cudaLaunchKernel"
    assert facts["Launch delay"] == "none: it began 1 µs before the launch call returned"


def test_an_operator_tells_what_it_launched_and_where_it_was_called(show_view: ShowView) -> None:
    view, context = show_view("timeline", launches())
    facts = facts_of(view, row_named(context.profile, "aten::mm"))
    assert facts["Launched"] == "gemm  ·  2 µs"
    assert facts["Inside"] == "outer"
    outer = facts_of(view, row_named(context.profile, "outer"))
    assert "Launched" in outer
    assert facts["Called from"] == "train.py(30): forward\ntrain.py(12): main"
    assert facts["Call stack"] == "a.py(1): f\nb.py(2): g"
    assert facts["Input Dims"] == "[[2, 3], [3, 4]]"


def test_all_of_a_name_are_counted_and_averaged(show_view: ShowView) -> None:
    view, context = show_view("timeline", large_profile(8000))
    slices = context.profile.trace.slices
    durations = slices.duration_ns[slices.name == slices.name[5]]
    view.scene.context.selection.pick_slice(5)
    mean, least, most, total = map(
        format_duration, (durations.mean(), durations.min(), durations.max(), durations.sum())
    )
    assert facts_of(view, 5)["All of this name"] == (
        f"{len(durations)} times, mean {mean} ({least} to {most}), {total} together"
    )


@pytest.mark.parametrize("seed", range(3))
def test_own_time_of_one_slice_equals_the_column_for_all(seed: int) -> None:
    profile = large_profile(4000) if seed == 0 else sample_profile(blocks=3 + seed)
    slices = profile.trace.slices
    wanted = self_time_ns(slices)
    random = np.random.default_rng(seed)
    for row in random.integers(0, len(slices), 150).tolist():
        assert own_time_ns(slices, row) == wanted[row]


def test_the_other_columns_same_name_is_told_with_its_difference(show_view: ShowView) -> None:
    _, context = show_view("timeline", launches(kernel_ns=2000))
    row = row_named(context.profile, "gemm")
    slower = facts_beside(context, launches(kernel_ns=3000), [], row)["In B"]
    assert slower.startswith("2 times, mean 3 µs")
    assert slower.endswith("mean 50.0 % longer")
    assert facts_beside(context, launches(1000), [], row)["In B"].endswith("mean 50.0 % shorter")
    assert facts_beside(context, launches(2000), [], row)["In B"].endswith("mean is the same")


def test_where_names_differ_the_matched_node_tells_of_its_slices(show_view: ShowView) -> None:
    """A framework with other names: the twin node's slices of the same kind are compared."""
    _, context = show_view("timeline", sample_profile())
    other = renamed(sample_profile(), "aten::conv2d", "Conv2D")
    row = row_named(context.profile, "aten::conv2d")
    node = int(context.profile.trace.slices.node[row])
    text = facts_beside(context, other, [node], row)["In B"]
    assert text.startswith("Conv2D:  3 times, mean")
    assert text.endswith("mean is the same")
    assert facts_beside(context, other, [], row)["In B"] == "nothing of this name"


def renamed(profile: Profile, old: str, new: str) -> Profile:
    strings = [new if text == old else text for text in profile.strings]
    return replace(profile, strings=type(profile.strings)(strings))


def test_a_click_on_a_kernel_fills_the_pane(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    row = row_named(context.profile, "relu_kernel")
    qtbot.mouseClick(view.canvas, LEFT, pos=middle_of(view, row))
    assert view.details.title.text() == "relu_kernel  ·  100 µs"
    assert facts_of(view, row)["Launched by"].startswith("aten::relu")
