"""What every capture has to come up to: its times and bytes are tied to nodes of its graphs."""

from profilers.analysis.coverage import link_coverage
from profilers.profile import Profile
from profilers.profile.references import broken_references


def assert_linked(profile: Profile, least: float = 0.95) -> None:
    """At least that share of operator time and of peak bytes, and all of what fused kernels took."""
    assert broken_references(profile) == []
    coverage = link_coverage(profile)
    assert coverage.operator_time is not None
    assert coverage.operator_time >= least
    assert coverage.peak_bytes is not None
    assert coverage.peak_bytes >= least
    assert coverage.fused_kernel_time in (None, 1.0)
