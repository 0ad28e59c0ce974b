"""What was measured for other sizes, with the throughput that follows."""

from typing import Any

from profilers.profile import Profile


def sweep_rows(profile: Profile) -> list[dict[str, Any]]:
    """A row per size as plain data: times in ns, `per_second` in samples; None where not known."""
    points, strings = profile.sweep, profile.strings
    rows = []
    for at in range(len(points)):
        median_ns, batch = int(points.median_ns[at]), int(points.batch[at])
        peak = int(points.peak_bytes[at])
        is_known = median_ns > 0
        rows.append(
            {
                "axis": strings[int(points.axis[at])],
                "size": int(points.size[at]),
                "median_ns": median_ns if is_known else None,
                "p95_ns": int(points.p95_ns[at]) if is_known else None,
                "per_second": batch * 1e9 / median_ns if is_known and batch > 0 else None,
                "peak_bytes": peak if peak >= 0 else None,
                "problem": strings[int(points.problem[at])] or None,
            }
        )
    return rows
