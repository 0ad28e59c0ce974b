"""What the inspector shows: sections of facts, some of them with a small chart."""

from dataclasses import dataclass, field

SHOWN = 40  # rows of one section
LONGEST = 2000  # characters of one text


@dataclass(frozen=True)
class Bars:
    """A chart of bars beside each other; `low` and `high` stand at its two ends."""

    values: tuple[float, ...]
    low: str
    high: str
    tip: str


@dataclass(frozen=True)
class Fact:
    label: str
    text: str
    bars: Bars | None = None
    is_warning: bool = False


@dataclass
class Section:
    """`key` names it whatever the language, so that folding is remembered."""

    key: str
    title: str
    facts: list[Fact] = field(default_factory=list)

    def add(
        self, label: str, text: str, bars: Bars | None = None, *, is_warning: bool = False
    ) -> None:
        self.facts.append(Fact(label, text[:LONGEST], bars, is_warning))
