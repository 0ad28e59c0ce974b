"""What the profiler added to the steps that tell the parts, taken off these again."""

from collections.abc import Iterator
from dataclasses import replace

from profilers.analysis.comparison.spent import Share, Spent


def without_profiler(spent: Spent, step_ns: float) -> Spent:
    """The parts of a step that takes `step_ns` without the profiler; they add up to that.

    To record a call takes about the same whatever is called, so a part of many small ones looks dearer
    than it is. Each call gives up an equal share of what the profiled steps took longer, but no more
    than half of the calls took altogether, and none more than it has. Where the work of devices is told, which goes on while the
    host records, the pauses in it give that up. `profiler_ns` is what remains and nothing places: what
    the profiler does around a step, or that other programs had the processor meanwhile.
    """
    added_ns = spent.whole_ns - step_ns
    take_off = _off_pauses if spent.on_device else _off_calls
    found, taken_ns = take_off(spent, max(added_ns, 0.0))
    return replace(found, profiler_ns=taken_ns - added_ns, taken_off_ns=taken_ns, whole_ns=step_ns)


def _off_pauses(spent: Spent, added_ns: float) -> tuple[Spent, float]:
    pauses_ns = spent.between_ns + spent.around_ns
    taken_ns = min(added_ns, pauses_ns)
    kept = 1 - taken_ns / pauses_ns if pauses_ns else 1.0
    shorter = replace(spent, between_ns=spent.between_ns * kept, around_ns=spent.around_ns * kept)
    return shorter, taken_ns


def _off_calls(spent: Spent, added_ns: float) -> tuple[Spent, float]:
    calls = sum(share.calls for share in _shares(spent))
    each_ns = min(added_ns / calls, spent.call_ns) if calls else 0.0

    def shorter(share: Share) -> Share:
        return replace(share, time_ns=max(share.time_ns - each_ns * share.calls, 0.0))

    found = replace(
        spent,
        nodes={node: shorter(share) for node, share in spent.nodes.items()},
        scopes={scope: shorter(share) for scope, share in spent.scopes.items()},
        names={name: shorter(share) for name, share in spent.names.items()},
    )
    before_ns, after_ns = (sum(share.time_ns for share in _shares(of)) for of in (spent, found))
    kept = after_ns / before_ns if before_ns else 1.0
    return replace(found, dispatch_ns=spent.dispatch_ns * kept), before_ns - after_ns


def _shares(spent: Spent) -> Iterator[Share]:
    for kind in (spent.nodes, spent.scopes, spent.names):
        yield from kind.values()
