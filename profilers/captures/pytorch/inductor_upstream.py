"""Takes from a kernel's operators those that an earlier kernel had done already.

Inductor's record of a kernel's origins runs back through buffers that it laid out anew, as for
convolutions in channels-last: the last kernel of a network then claims all layers before it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from profilers.graphs.torch_inductor_code import KernelCall


@dataclass(frozen=True)
class Claim:
    """What a kernel call is said to compute.

    Parameters
    ----------
    call : KernelCall
    parts : mapping of str to set of str
        By traced operator: the operators of the compiled graph that it became, as far as the call
        claims them.
    """

    call: KernelCall
    parts: Mapping[str, Collection[str]]


def without_upstream(
    claims: Sequence[Claim], inputs: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Names of traced operators that each call computes itself, in the order of its claim.

    A call that reads what an earlier one made starts there. Only of a library's result it keeps the
    operator too: what is left of it, a bias, is in the kernel's code.

    Parameters
    ----------
    claims : sequence of Claim
        In the order of the calls.
    inputs : mapping of str to sequence of str
        Names that each traced operator takes.
    """
    ends = [_ends(claim, inputs) for claim in claims]
    makers: dict[str, list[int]] = {}
    for number, found in enumerate(ends):
        for name in found:
            makers.setdefault(name, []).append(number)
    return [_computed(number, claims, ends, makers, inputs) for number in range(len(claims))]


def _ends(claim: Claim, inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """What no other operator of the call takes."""
    taken = {each for name in claim.parts for each in inputs.get(name, ())}
    return [name for name in claim.parts if name not in taken]


def _computed(
    number: int,
    claims: Sequence[Claim],
    ends: Sequence[Sequence[str]],
    makers: Mapping[str, Sequence[int]],
    inputs: Mapping[str, Sequence[str]],
) -> list[str]:
    claim, starts = claims[number], ends[number]
    read = {buffer.name for buffer in claim.call.reads}

    def maker_of(name: str) -> Claim | None:
        """The last call before this one that did all that this one claims of an operator."""
        for each in reversed(makers.get(name, ())):
            if each < number and set(claim.parts[name]) <= set(claims[each].parts[name]):
                return claims[each]
        return None

    def goes_on_with(name: str) -> bool:
        """Whether this is a further stage of an operator, as of a reduction in two."""
        maker = maker_of(name)
        return maker is not None and any(each.name in read for each in maker.call.writes)

    if starts and all(map(goes_on_with, starts)):
        return list(starts)
    found, waiting = set(starts), list(starts)
    while waiting:
        for name in inputs.get(waiting.pop(), ()):
            if name not in claim.parts or name in found:
                continue
            maker = maker_of(name)
            if maker is None:
                found.add(name)
                waiting.append(name)
            elif claim.call.is_generated and not maker.call.is_generated:
                found.add(name)
    return [name for name in claim.parts if name in found]
