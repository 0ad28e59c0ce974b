"""What a timeline needs of all slices, computed once for each profile and in any thread."""

from profilers.analysis.once import once
from profilers.profile import Profile
from views.timeline.flows import FlowIndex
from views.timeline.lanes import Lanes
from views.timeline.layout import TrackOrder


@once
def lanes_of(profile: Profile) -> Lanes:
    """All slices in the lanes of `TrackOrder`."""
    order = TrackOrder.of(profile)
    return Lanes.of(profile.trace.slices, order.first_lane, order.lane_count)


@once
def flows_of(profile: Profile) -> FlowIndex:
    return FlowIndex(profile.trace.flows, profile.trace.slices)


def prepare(profile: Profile) -> None:
    lanes_of(profile)
    flows_of(profile)
