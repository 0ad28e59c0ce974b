"""What must not leave the machine with a snapshot: names of persons and hosts, and paths."""

import contextlib
import getpass
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from profilers.profile import Profile
from profilers.snapshot.packed_json import READ_ROWS, texts_between
from profilers.snapshot.places import places_in, without_places

SHORTEST_WORD = 3
ADDRESSES = frozenset(("host", "hosts", "hostname", "node", "user", "attached to"))  # as facts
_NAME_ENDS = re.compile(r"(?<=[\w.])[_:#]")
_PORT = re.compile(r":\d{1,5}$")
_COMMON_HOSTS = ("localhost", "localdomain")
_PERSONS = re.compile(
    r"(?:/home|/Users|/homes|/export/home|[A-Za-z]:[\\/]+Users)[\\/]+([\w.-]+)"
    r"|(?<!\w)~([A-Za-z_][\w.-]*)[\\/]"
    r"|\b(?:USER|LOGNAME|USERNAME|SUDO_USER)=([\w.-]+)"
    r"|\b(?:HOST|HOSTNAME|COMPUTERNAME)=([\w-]+)"
)
_NOBODY = frozenset(("shared", "public", "default", "all", "user", "users", "data", "runner"))


@dataclass(frozen=True)
class Secrets:
    """Words that name a person or a machine; places are known by their form.

    `names` are the model's own that look like paths, such as ``/layer1/conv/Conv``.
    """

    words: frozenset[str]
    names: frozenset[str] = frozenset()

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Finds each word that stands alone, in any case; None if there are no words."""
        if not self.words:
            return None
        longest_first = sorted(self.words, key=lambda word: (-len(word), word))
        joined = "|".join(map(re.escape, longest_first))
        return re.compile(rf"(?<![A-Za-z0-9])(?:{joined})(?![A-Za-z0-9])", re.IGNORECASE)

    def words_in(self, text: str) -> Iterator[str]:
        lowered = text.lower()
        if self.pattern is not None and any(word.lower() in lowered for word in self.words):
            yield from (match[0] for match in self.pattern.finditer(text))

    def found_in(self, text: str) -> Iterator[str]:
        """Every word, place and source line in a text."""
        yield from self.words_in(text)
        yield from places_in(text, self.is_name)

    def is_name(self, path: str) -> bool:
        """Whether it is a name of the model, part of one, or one with something behind it."""
        path = path.rstrip("/")
        return any(path[:end] in self.names for end in _ends(path))

    def knowing_names_of(self, profiles: Iterable[Profile]) -> "Secrets":
        return replace(self, names=self.names.union(*map(_path_like_names, profiles)))


def _ends(path: str) -> Iterator[int]:
    """Where a name can end in it: ``/stem/Conv_kernel_time`` is about ``/stem/Conv``."""
    yield len(path)
    yield from (found.start() for found in _NAME_ENDS.finditer(path) if found.start() > 1)


def _path_like_names(profile: Profile) -> set[str]:
    strings = profile.strings
    rows = {
        row
        for graph in profile.graphs
        for column in (graph.nodes.name, graph.edges.tensor, graph.parameters.name)
        for row in set(column.tolist())
    }
    names = {strings[row] for row in rows if strings[row].startswith("/")}
    names = {name for name in names if without_places(name, lambda _: True) == name}
    return names | {name[:end] for name in names for end in range(2, len(name)) if name[end] == "/"}


def of_this_machine() -> set[str]:
    """The person's login name, home folder and host name."""
    home = str(Path.home())
    found = {home, Path(home).name, *_hosts(platform.node())}
    with contextlib.suppress(KeyError, OSError, ImportError):  # a container without user names
        found.add(getpass.getuser())
    return _worth_hiding(found)


def of_profile(profile: Profile) -> set[str]:
    """Persons and hosts that a profile's own texts name: it may come from another machine."""
    request, found = profile.environment.request, set()
    told = (profile.environment.facts, *(report.facts for report in profile.reports))
    for label, text in (item for facts in told for item in facts.items()):
        if label.lower() in ADDRESSES:
            found |= {part for name in text.split(",") for part in _hosts(name.strip())}
    for text in _texts(profile):
        if any(sign in text for sign in "/\\="):
            found |= {name for names in _PERSONS.findall(text) for name in names if name}
    found |= {note.author for note in profile.notes}
    for key in ("model_path", "source_folder", "inputs_file"):
        folder = Path(str(request.get(key, ""))).parent
        if len(folder.parts) > 2:
            found.add(str(folder))
    return _worth_hiding(found)


def _texts(profile: Profile) -> Iterator[str]:
    facts, request = profile.environment.facts, profile.environment.request
    yield from profile.strings
    yield from facts.values()
    yield from (str(value) for value in request.values())
    yield from (note.text for note in profile.notes)
    for report in profile.reports:
        yield from report.facts.values()
        yield from (cell for row in report.rows for cell in row)
    for column in (profile.trace.arguments, *(graph.attributes for graph in profile.graphs)):
        for begin in range(0, len(column), READ_ROWS):
            texts = texts_between(column, begin, min(begin + READ_ROWS, len(column)))
            yield from (text.decode("utf-8", "replace") for text in texts)


def secrets_of(profiles: Iterable[Profile], more: Iterable[str] = ()) -> Secrets:
    """All that is known to name somebody or something; `more` is what the person adds."""
    words, profiles = of_this_machine() | _worth_hiding(more), tuple(profiles)
    for profile in profiles:
        words |= of_profile(profile)
    return Secrets(frozenset(words)).knowing_names_of(profiles)


def _hosts(name: str) -> set[str]:
    """Of ``box.lab:6009`` also ``box.lab`` and ``box``."""
    host = _PORT.sub("", name)
    return {name, host, host.partition(".")[0]}


def _worth_hiding(words: Iterable[str]) -> set[str]:
    return {
        word.strip()
        for word in words
        if len(word.strip()) >= SHORTEST_WORD
        and word.strip().lower() not in _NOBODY
        and word.strip().lower() not in _COMMON_HOSTS
        and not word.strip().isdigit()
    }
