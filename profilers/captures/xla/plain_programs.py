"""Which of the programs that an xplane file holds each slice is an instruction of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profilers.profile import WORK_KINDS, Profile, SliceKind, decode
from profilers.profile.table import Int64

_MOST_READ = 200_000  # slices whose program is looked up one by one: some seconds
_SAMPLED = 500  # of more slices, to tell whether all are of one program
_RUNS = (*WORK_KINDS, SliceKind.OPERATOR)


@dataclass(frozen=True)
class Ran:
    """A program and the slices that are its instructions.

    Parameters
    ----------
    module : str
        Its name, without the number that tells it from others of that name.
    encoded : bytes
        HloProto.
    rows : ndarray of int64
        Slices, rising.
    names : sequence of str
        Instruction that each of `rows` names; of a kernel in a command buffer what is known of it.
    arguments : mapping of int to mapping
        What the trace tells of each slice, as far as it was looked at.
    """

    module: str
    encoded: bytes
    rows: Int64
    names: Sequence[str]
    arguments: Mapping[int, Mapping[str, object]]


def programs_run(profile: Profile, held: Mapping[str, bytes]) -> list[Ran]:
    """Programs in the order in which they ran first.

    Those of one name are told apart by their number, ``program_id``. Where there are too many slices
    to look at each, all are taken for the only program that a sample of them names.
    """
    rows = np.flatnonzero(np.isin(profile.trace.slices.kind, _RUNS))
    looked_at = rows
    if len(rows) > _MOST_READ:
        looked_at = rows[np.linspace(0, len(rows) - 1, _SAMPLED).astype(np.int64)]
    told = {row: decode(profile.trace.arguments, row) for row in looked_at.tolist()}
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, arguments in told.items():
        module = str(arguments.get("hlo_module", ""))
        whole = f"{module}({arguments.get('program_id', '')})"
        key = whole if whole in held else module
        if key in held:
            grouped[module, key].append(row)
    if len(rows) > len(looked_at):
        only = next(iter(grouped)) if len(grouped) == 1 else None
        grouped = defaultdict(list, {only: rows.tolist()} if only else {})
    found = [
        _ran(profile, module, held[key], np.array(each, np.int64), told)
        for (module, key), each in grouped.items()
    ]
    return sorted(found, key=lambda ran: int(profile.trace.slices.start_ns[ran.rows].min()))


def _ran(
    profile: Profile,
    module: str,
    encoded: bytes,
    rows: Int64,
    told: Mapping[int, Mapping[str, object]],
) -> Ran:
    names, strings = profile.trace.slices.name, profile.strings
    own = [
        str(told.get(row, {}).get("hlo_op", "")) or instruction_name(strings[int(names[row])])
        for row in rows.tolist()
    ]
    return Ran(module, encoded, rows, own, told)


def instruction_name(text: str) -> str:
    """A TPU calls a slice ``%fusion.1 = …``."""
    return text.lstrip("%").partition(" ")[0]
