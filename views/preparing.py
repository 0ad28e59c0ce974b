"""What each view asks for first, computed beforehand, in any thread.

Each function fills what `profilers.analysis.once` keeps, so that building the view takes no pass
over all slices of a large trace.
"""

from profilers.analysis.coverage import link_coverage
from profilers.analysis.device_work import work_rows
from profilers.analysis.memory_curve import memory_curve
from profilers.profile import Profile


def prepare_summary(profile: Profile) -> None:
    memory_curve(profile)
    link_coverage(profile)


def prepare_graph(profile: Profile) -> None:
    if len(profile.authored.nodes):
        from views.graph.prepared import prepare

        prepare(profile)


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
