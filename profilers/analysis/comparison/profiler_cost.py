"""What the profiler added to the steps that tell the parts, taken off these again."""

from dataclasses import replace

from profilers.analysis.comparison.spent import Share, Spent, with_shares


def without_profiler(spent: Spent, step_ns: float) -> Spent:
    """The parts of a step that takes `step_ns` without the profiler; they add up to that.

    To record a call takes about the same whatever is called, so a part of many small ones looks dearer
    than it is. Each call gives up an equal share of what the profiled steps took longer, but no more
    than half of the calls took altogether, and none more than it has. Where the work of devices is told,
    which goes on while the host records, the pauses in it give that up.

    A machine is not always equally quick, so that the parts still differ from the step: they shrink or
    grow alike.
    """
    added_ns = spent.whole_ns - step_ns
    take_off = _off_pauses if spent.on_device else _off_calls
    found, taken_ns = take_off(spent, added_ns) if added_ns > 0 else (spent, 0.0)
    parts_ns = spent.whole_ns - taken_ns
    factor = step_ns / parts_ns if parts_ns > 0 else 1.0

    def scaled(share: Share) -> Share:
        return replace(share, time_ns=factor * share.time_ns, pause_ns=factor * share.pause_ns)

    return replace(
        with_shares(found, scaled),
        between_ns=factor * found.between_ns,
        around_ns=factor * found.around_ns,
        profiled_ns=spent.whole_ns,
        taken_off_ns=taken_ns,
        scaled_by=factor,
        whole_ns=step_ns,
    )


def _off_pauses(spent: Spent, added_ns: float) -> tuple[Spent, float]:
    pauses_ns = spent.between_ns + spent.around_ns + spent.dispatch_ns
    taken_ns = min(added_ns, pauses_ns)
    kept = 1 - taken_ns / pauses_ns if pauses_ns else 1.0

    def shorter(share: Share) -> Share:
        pause_ns = share.pause_ns * kept
        return replace(share, time_ns=share.time_ns - share.pause_ns + pause_ns, pause_ns=pause_ns)

    found = replace(spent, between_ns=spent.between_ns * kept, around_ns=spent.around_ns * kept)
    return with_shares(found, shorter), taken_ns


def _off_calls(spent: Spent, added_ns: float) -> tuple[Spent, float]:
    calls = sum(share.calls for share in spent.shares)
    each_ns = min(added_ns / calls, spent.call_ns) if calls else 0.0

    def shorter(share: Share) -> Share:
        time_ns = max(share.time_ns - each_ns * share.calls, 0.0)
        kept = time_ns / share.time_ns if share.time_ns else 1.0
        return replace(share, time_ns=time_ns, pause_ns=share.pause_ns * kept)

    found = with_shares(spent, shorter)
    before_ns, after_ns = (sum(share.time_ns for share in of.shares) for of in (spent, found))
    return found, before_ns - after_ns
