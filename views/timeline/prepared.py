"""What a timeline needs of all slices, computed once for each profile and in any thread."""

import numpy as np

from profilers.analysis.framework_noise import framework_noise
from profilers.analysis.once import once
from profilers.analysis.shared_scopes import shared_scope
from profilers.profile import Profile, SliceKind
from profilers.profile.table import Int64
from views.timeline.busy import DeviceWork
from views.timeline.flows import FlowIndex
from views.timeline.lanes import Lanes
from views.timeline.layout import TrackOrder
from views.timeline.range_sums import RangeSums, range_sums


@once
def lanes_of(profile: Profile, hides_noise: bool = False) -> Lanes:
    """All slices in the lanes of `TrackOrder`; hidden ones lie below those that are drawn."""
    order, slices = TrackOrder.of(profile, hides_noise), profile.trace.slices
    if hides_noise:
        noise = framework_noise(profile)
        below = order.depths[slices.track].astype(np.int16)
        slices = slices.replace(depth=np.where(noise.is_noise, below, noise.depth))
    return Lanes.of(slices, order.first_lane, order.lane_count)


@once
def flows_of(profile: Profile) -> FlowIndex:
    return FlowIndex(profile.trace.flows, profile.trace.slices)


@once
def device_work_of(profile: Profile) -> DeviceWork:
    return DeviceWork(profile.trace.slices, TrackOrder.of(profile))


@once
def instants_of(profile: Profile) -> Int64:
    """Places in the lanes of slices of no length."""
    lanes = lanes_of(profile)
    places = np.flatnonzero(lanes.end_ns - lanes.start_ns == 1)
    instants: Int64 = places[profile.trace.slices.duration_ns[lanes.row[places]] == 0]
    return instants


@once
def sums_by_name(profile: Profile, begin_ns: int, end_ns: int) -> RangeSums:
    lanes = lanes_of(profile)
    return range_sums(lanes, lanes.name, begin_ns, end_ns)


@once
def shared_slice_scope(profile: Profile) -> str:
    """The scopes that the names of nearly all operators on the tracks begin with."""
    slices = profile.trace.slices
    names = np.unique(slices.name[slices.kind == SliceKind.OPERATOR])
    return shared_scope([profile.strings[name] for name in names.tolist()])


def prepare(profile: Profile) -> None:
    """What a timeline that shows all asks for."""
    flows_of(profile)
    framework_noise(profile)
    device_work_of(profile).prepare()
    instants_of(profile)
    sums_by_name(profile, *lanes_of(profile).extent_ns)
