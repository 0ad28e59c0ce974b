"""What persons write about parts of a profile."""

from dataclasses import dataclass

Pin = tuple[int, int, int, int]


@dataclass(frozen=True)
class Note:
    """What a person wrote about a node of the authored graph, a slice or a time range.

    A note without text is a bookmark; one that is pinned to nothing is about the whole profile.
    `id` tells notes apart wherever they travel, and `answer_to` is the id of the note that this one
    answers. A range counts from the profile's start and ends before it begins where there is none.
    """

    node: int
    text: str
    author: str = ""
    written_unix_ns: int = 0
    slice: int = -1
    begin_ns: int = 0
    end_ns: int = -1
    id: str = ""
    answer_to: str = ""

    @property
    def pin(self) -> Pin:
        """Node, slice, begin and end: equal for notes about the same thing."""
        return self.node, self.slice, self.begin_ns, self.end_ns

    @property
    def time_range_ns(self) -> tuple[int, int] | None:
        return (self.begin_ns, self.end_ns) if self.end_ns >= self.begin_ns else None

    @property
    def is_bookmark(self) -> bool:
        return not self.text.strip()


def node_pin(node: int) -> Pin:
    return node, -1, 0, -1


def slice_pin(row: int) -> Pin:
    return -1, row, 0, -1


def range_pin(begin_ns: int, end_ns: int) -> Pin:
    return -1, -1, begin_ns, end_ns
