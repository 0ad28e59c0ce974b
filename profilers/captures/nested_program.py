"""A program with branches and loops, laid out as places for `sequence_alignment`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profilers.captures.sequence_alignment import END, Place


@dataclass(frozen=True)
class Step:
    """One operator, and what it may run in turn.

    Parameters
    ----------
    row : int
        What it stands for; -1 for nothing of its own.
    place : Place
        Without its followers.
    bodies : sequence of sequence of Step
        Any of them may run, as often as it may: loops go round, and a step of training traces both
        branches before it runs one.
    """

    row: int
    place: Place
    bodies: Sequence[Sequence["Step"]] = ()


def laid_out(steps: Sequence[Step]) -> tuple[list[Place], list[int]]:
    """Places of the steps, then those of their bodies, and the row of each place."""
    places: list[Place] = []
    rows: list[int] = []

    def block(steps: Sequence[Step], after: int) -> int:
        """Lay out steps that follow each other; the place that they begin at."""
        if not steps:
            return after
        begin = len(places)
        places.extend(step.place for step in steps)
        rows.extend(step.row for step in steps)
        for number, step in enumerate(steps, begin):
            following = number + 1 if number + 1 < begin + len(steps) else after
            begins = [block(body, number) for body in step.bodies if body]
            places[number] = replace(step.place, followers=(following, *begins))
        return begin

    block(steps, END)
    return places, rows
