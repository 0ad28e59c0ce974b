"""What each view asks for first, computed beforehand, in any thread.

Each function fills what `profilers.analysis.once` keeps, so that building the view takes no pass
over all slices of a large trace.
"""

from profilers.analysis.advice import findings
from profilers.analysis.coverage import link_coverage
from profilers.analysis.device.work import work_rows
from profilers.analysis.memory.alive import by_size
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.groups import first_grouping
from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.memory.owners import making_slices
from profilers.analysis.memory.stack import memory_stack
from profilers.analysis.rank_time import rank_time
from profilers.profile import Profile


def prepare_summary(profile: Profile) -> None:
    memory_curve(profile)
    link_coverage(profile)
    rank_time(profile)
    findings(profile)


def prepare_graph(profile: Profile) -> None:
    if len(profile.authored.nodes):
        from views.graph.prepared import prepare

        prepare(profile)


def prepare_memory(profile: Profile) -> None:
    device = memory_curve(profile).device
    if device >= 0:
        memory_stack(profile, device, first_grouping(profile))
        memory_growth(profile, device)
        by_size(profile, device)
        making_slices(profile)


def prepare_timeline(profile: Profile) -> None:
    from views.timeline.prepared import prepare

    prepare(profile)


def prepare_devices(profile: Profile) -> None:
    from views.devices.figures import range_figures

    if len(work_rows(profile)):
        range_figures(profile)


def prepare_operators(profile: Profile) -> None:
    from views.operators import first_grouping, grouped

    grouped(profile, first_grouping(profile))
