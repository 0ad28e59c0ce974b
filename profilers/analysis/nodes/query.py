"""What a person types to find nodes, as words and conditions.

A query is groups of terms with ``or`` between them; a node is found where all terms of one group
hold. A term is a word, a "quoted phrase", a filter (``op:conv``) or a comparison (``time>5%``); a
leading minus turns it round. Quoted text is never a filter.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

TEXT_KEYS = {  # as typed, and what it asks of
    "name": "name",
    "op": "op",
    "operator": "op",
    "scope": "scope",
    "module": "module",
    "kind": "kind",
    "dtype": "dtype",
    "shape": "shape",
    "device": "device",
    "source": "source",
    "has": "has",
    "fused": "fused",
}
NUMBER_KEYS = {
    "time": "time",
    "memory": "memory",
    "flops": "flops",
    "params": "parameters",
    "parameters": "parameters",
    "calls": "calls",
}
CHOICES = {
    "kind": ("operator", "input", "output", "constant", "control"),
    "has": ("problem", "note", "parameter", "time"),
}
_TIME_UNITS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_PREFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15}
_BINARY_PREFIXES = {"k": 2.0**10, "m": 2.0**20, "g": 2.0**30, "t": 2.0**40, "p": 2.0**50}
_BYTE_UNITS = {f"{prefix}b": scale for prefix, scale in _PREFIXES.items()} | {
    f"{prefix}ib": scale for prefix, scale in _BINARY_PREFIXES.items()
}
_COMPARISON = re.compile(r"([A-Za-z]+)\s*(>=|<=|>|<|=)\s*([^\s\"]*)")
_FILTER = re.compile(r"([A-Za-z]+):")
_WORD = re.compile(r"[^\s\"]+")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)\s*(.*)")


class QueryError(Exception):
    """What is wrong with a query, in a sentence for the person, and at which character."""

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.position = position


@dataclass(frozen=True)
class Words:
    """Nodes whose name, operator or scope path holds `text`, which is in lower case."""

    text: str


@dataclass(frozen=True)
class Filter:
    """`key` is a value of `TEXT_KEYS`, `text` is in lower case."""

    key: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """`measure` is "time", "memory", "flops", "parameters", "calls" or as follows.

    "time share" is compared with a share of the step (0.05), "parameter count" with numbers rather
    than bytes; "time" with ns per step, "memory" with bytes.
    """

    measure: str
    sign: str
    value: float


@dataclass(frozen=True)
class Term:
    condition: Words | Filter | Comparison
    is_negated: bool = False


@dataclass(frozen=True)
class Query:
    """Groups of terms: all of one group must hold. No groups: nothing was asked."""

    groups: tuple[tuple[Term, ...], ...] = ()


def parse(text: str) -> Query:
    """Read what was typed; only blanks give a query without groups.

    Raises
    ------
    QueryError
        If it cannot be understood.
    """
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def query(self) -> Query:
        groups: list[list[Term]] = [[]]
        self._skip_blanks()
        while self._at < len(self._text):
            begin = self._at
            if self._takes_or():
                if not groups[-1]:
                    raise QueryError("“or” stands between two conditions; one is missing.", begin)
                groups.append([])
                self._skip_blanks()
                if self._at == len(self._text):
                    raise QueryError("Nothing follows “or”.", begin)
            else:
                groups[-1].append(self._term())
            self._skip_blanks()
        return Query(tuple(tuple(group) for group in groups if group))

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _takes_or(self) -> bool:
        word = _WORD.match(self._text, self._at)
        if word is None or word[0].lower() != "or":
            return False
        self._at = word.end()
        return True

    def _term(self) -> Term:
        begin = self._at
        is_negated = self._text[begin] == "-" and self._text[begin + 1 : begin + 2] != ">"
        self._at += is_negated
        if self._at == len(self._text) or self._text[self._at].isspace():
            raise QueryError("Nothing follows the minus. Quote it to search for it.", begin)
        return Term(self._condition(), is_negated)

    def _condition(self) -> Words | Filter | Comparison:
        begin = self._at
        if self._text[begin] == '"':
            return Words(self._quoted())
        found = _COMPARISON.match(self._text, begin)
        if found is not None and (found[1].lower() in NUMBER_KEYS or " " not in found[0]):
            return self._comparison(found)
        named = _FILTER.match(self._text, begin)
        if named is not None:
            key = named[1].lower()
            if key in TEXT_KEYS:
                self._at = named.end()
                return self._filter(key, begin)
            self._refuse_misspelt(key, begin, followed_by=":")
        return Words(self._word())

    def _word(self) -> str:
        word = _WORD.match(self._text, self._at)
        if word is None:
            return ""
        self._at = word.end()
        return word[0].lower()

    def _quoted(self) -> str:
        begin = self._at
        end = self._text.find('"', begin + 1)
        if end < 0:
            raise QueryError("The quote is not closed.", begin)
        self._at = end + 1
        if end == begin + 1:
            raise QueryError("There is nothing between the quotes.", begin)
        return self._text[begin + 1 : end].lower()

    def _filter(self, key: str, begin: int) -> Filter:
        at = self._at
        is_quoted = self._text[at : at + 1] == '"'
        value = self._quoted() if is_quoted else self._word()
        name = TEXT_KEYS[key]
        choices = CHOICES.get(name, ())
        if not value:
            of = f": one of {', '.join(choices)}" if choices else ""
            raise QueryError(f"Nothing follows “{key}:”{of}.", begin)
        if choices and value not in choices:
            raise QueryError(
                f"“{key}:” knows {', '.join(choices[:-1])} and {choices[-1]}, not “{value}”.", at
            )
        return Filter(name, value)

    def _comparison(self, found: re.Match[str]) -> Comparison:
        key, sign, value = found[1].lower(), found[2], found[3]
        if key in TEXT_KEYS:
            raise QueryError(f"“{key}” is text: write {key}:… to look for it.", found.start())
        if key not in NUMBER_KEYS:
            self._refuse_misspelt(key, found.start(), followed_by=sign)
            raise QueryError(
                f"There is no figure “{key}”: only time, memory, flops, params and calls can be "
                "compared. Quote the text to search for it as it stands.",
                found.start(),
            )
        if not value:
            raise QueryError(f"A number is missing after “{key}{sign}”.", found.end())
        self._at = found.end()
        return _compared(NUMBER_KEYS[key], sign, value, found.start(3))

    def _refuse_misspelt(self, key: str, begin: int, followed_by: str) -> None:
        """Text with a colon is mostly a name (aten::relu), unless it is close to a filter's."""
        if key in NUMBER_KEYS:
            raise QueryError(f"“{key}” is a number: compare it, as in {_example(key)}.", begin)
        near = get_close_matches(key, [*TEXT_KEYS, *NUMBER_KEYS], 1, 0.75)
        if near:
            sign = ":" if near[0] in TEXT_KEYS else ">"
            raise QueryError(
                f"There is no filter “{key}{followed_by}”: did you mean “{near[0]}{sign}”? "
                "Quote the text to search for it as it stands.",
                begin,
            )


def _example(key: str) -> str:
    return {
        "time": "time>5%",
        "memory": "memory>10MB",
        "flops": "flops>1G",
        "calls": "calls>10",
    }.get(key, "params>1M")


def _compared(measure: str, sign: str, text: str, position: int) -> Comparison:
    """A comparison in the measure's own unit."""
    number = _NUMBER.fullmatch(text.replace(",", ""))
    if number is None:
        raise QueryError(f"“{text}” is not a number.", position)
    value, unit = float(number[1]), number[2]
    lowered = unit.lower()
    if measure == "time":
        if unit == "%":
            return Comparison("time share", sign, value / 100)
        if lowered in _TIME_UNITS:
            return Comparison(measure, sign, value * _TIME_UNITS[lowered])
        if unit:
            raise QueryError(f"“{unit}” is no unit of time: use %, ns, us, ms or s.", position)
        raise QueryError(
            f"A time needs its unit behind the number: {text}%, {text}us, {text}ms.", position
        )
    if measure in ("memory", "parameters") and lowered in _BYTE_UNITS:
        return Comparison(measure, sign, value * _BYTE_UNITS[lowered])
    if measure == "flops":
        lowered = re.sub(r"flops?$", "", lowered)
    if lowered not in _PREFIXES:
        units = {"memory": "B, KB, MB, GB, KiB, MiB or GiB", "flops": "k, M, G or T"}.get(
            measure, "k, M or G" if measure == "calls" else "k, M, G, KB, MB, KiB or MiB"
        )
        raise QueryError(f"“{unit}” is no unit of {measure}: use {units}.", position)
    if measure == "parameters":
        measure = "parameter count"
    return Comparison(measure, sign, value * _PREFIXES[lowered])
