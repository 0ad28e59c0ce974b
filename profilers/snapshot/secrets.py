"""What must not leave the machine with a snapshot: names of persons and hosts, and paths."""

import contextlib
import getpass
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from profilers.profile import Profile

SHORTEST_WORD = 3
_COMMON_HOSTS = ("localhost", "localdomain")
_ROOTS = (
    "home|Users|root|tmp|usr|opt|var|etc|mnt|media|data|datasets|workspace|workspaces|srv|private|"
    "Volumes|lib|lib64|bin|sbin|proc|sys|dev|run|boot|work|nfs|scratch|gpfs|lustre|projects|proj|"
    "storage|content|kaggle|app|code|src|repo|repos|build|builds|github|gitlab|dbfs|local|share|"
    "shared|fsx|efs|s3|gcs|cns|net|export|users|homes|Library|Applications|System|nix|snap|venv"
)
_PLAIN = r"[^\s:\"'<>|,;()\[\]{}*?\\/]"
_UNIX = rf"(?<![\w./>\]-])/(?:{_ROOTS})(?:/{_PLAIN}+)+/?"
_UNIX_FILE = rf"(?<![\w./>\]-])(?:/{_PLAIN}+)+\.(?:py|pyc|so|cc|cpp|cu|h|pt|pt2|pth|onnx|keras|pb|h5|json|npz)\b"
_WINDOWS = rf"(?<![\w])[A-Za-z]:[\\/]+(?:{_PLAIN}+[\\/]+)*{_PLAIN}*"
_SHARE = rf"\\\\{_PLAIN}+(?:[\\/]+{_PLAIN}+)+"
_HOME = rf"(?<![\w])~(?:\w+)?/{_PLAIN}+(?:/{_PLAIN}+)*"
_ADDRESS = r"\b(?:file|https?|ssh|s3|gs|hdfs|ftp)://[^\s\"'<>]+"
_MAIL = r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_NETWORK = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
PATHS = re.compile(
    "|".join((_ADDRESS, _MAIL, _SHARE, _WINDOWS, _UNIX, _UNIX_FILE, _HOME, _NETWORK))
)
SOURCE_LINES = re.compile(
    r"[\w./\\<>-]*\b[\w-]+\.(?:py|pyx|ipynb|cc|cpp|cu|h)(?:\(\d+\)|:\d+|\", line \d+)"
)
_PERSON_IN_PATH = re.compile(
    r"(?:/home|/Users|/homes|/export/home|[A-Za-z]:[\\/]+Users)[\\/]+([\w.-]+)"
)
_NOBODY = frozenset(("shared", "public", "default", "all", "user", "users", "data", "runner"))


@dataclass(frozen=True)
class Secrets:
    """Words that name a person or a machine; paths are known by their form."""

    words: frozenset[str]

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
        """Every word, path and source line in a text."""
        yield from self.words_in(text)
        for line in text.splitlines():
            if has_path_signs(line):
                for pattern in (PATHS, SOURCE_LINES):
                    yield from (match[0] for match in pattern.finditer(line))


def has_path_signs(text: str) -> bool:
    """Whether there can be a path or source line in a text; most texts have none of their signs."""
    return any(sign in text for sign in "/\\@") or ("." in text and any(map(str.isdigit, text)))


def of_this_machine() -> set[str]:
    """The person's login name, home folder and host name."""
    home = str(Path.home())
    found = {home, Path(home).name, *_hosts(platform.node())}
    with contextlib.suppress(KeyError, OSError, ImportError):  # a container without user names
        found.add(getpass.getuser())
    return _worth_hiding(found)


def of_profile(profile: Profile) -> set[str]:
    """Persons and hosts that a profile's own texts name: it may come from another machine."""
    facts, request = profile.environment.facts, profile.environment.request
    found = set()
    for label, text in facts.items():
        if label.lower() in ("host", "hosts", "hostname", "node", "user"):
            found |= {part for name in text.split(",") for part in _hosts(name.strip())}
    texts = (*profile.strings, *facts.values(), *(str(value) for value in request.values()))
    for text in texts:
        if "/" in text or "\\" in text:
            found.update(_PERSON_IN_PATH.findall(text))
    found |= {note.author for note in profile.notes}
    for key in ("model_path", "source_folder", "inputs_file"):
        folder = Path(str(request.get(key, ""))).parent
        if len(folder.parts) > 2:
            found.add(str(folder))
    return _worth_hiding(found)


def secrets_of(profiles: Iterable[Profile], more: Iterable[str] = ()) -> Secrets:
    """All that is known to name somebody or something; `more` is what the person adds."""
    words = of_this_machine() | _worth_hiding(more)
    for profile in profiles:
        words |= of_profile(profile)
    return Secrets(frozenset(words))


def _hosts(name: str) -> set[str]:
    return {name, name.partition(".")[0]}


def _worth_hiding(words: Iterable[str]) -> set[str]:
    return {
        word.strip()
        for word in words
        if len(word.strip()) >= SHORTEST_WORD
        and word.strip().lower() not in _NOBODY
        and word.strip().lower() not in _COMMON_HOSTS
        and not word.strip().isdigit()
    }
