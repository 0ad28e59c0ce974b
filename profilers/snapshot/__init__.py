"""The `.twin` file: Profiles at rest.

A ZIP whose stored members are compressed columns, named by `manifest.json`. Nothing in it is
executable; every size is checked before memory is taken, and every row number before it is used.
Several profiles, such as a pair that was compared, can travel in one file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from profilers.errors import DamagedFile, TwinscopeError
from profilers.probe import Probe
from profilers.profile import KeptComparison, Profile
from profilers.profile.references import broken_references
from profilers.snapshot import archive
from profilers.snapshot.archive import MIME_TYPE, Parts
from profilers.snapshot.tree import put_together, take_apart

_ZIP_MAGIC = b"PK\x03\x04"
_NAME_PLACE = 30
_COMPARISON = "comparison"  # in the manifest's "about"


def matches(probe: Probe) -> bool:
    """Whether the path is a snapshot, sound or not. Never raises."""
    try:
        head = probe.head
    except OSError:
        return False
    if not head.startswith(_ZIP_MAGIC):
        return False
    rest = head[_NAME_PLACE:]
    is_first_version = rest.startswith(archive.MANIFEST.encode())
    return rest.startswith((archive.MIME_MEMBER + MIME_TYPE).encode()) or (
        is_first_version and archive.FORMAT.encode() in rest
    )


def write(profile: Profile, path: Path) -> None:
    """Save a profile; an older file of that name stays until the new one is whole.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_all([profile], path)


def write_all(
    profiles: Sequence[Profile], path: Path, comparison: KeptComparison | None = None
) -> None:
    """Save profiles in one file, in the order in which columns are to show them.

    `comparison` tells how they are compared, by their places in that order.
    """
    archive.save(path, [take_apart(profile) for profile in profiles], _about(comparison))


def size_of(profiles: Sequence[Profile], comparison: KeptComparison | None = None) -> int:
    """Bytes that `write_all` would write."""
    counter = _Counter()
    archive.write(
        cast(IO[bytes], counter), [take_apart(profile) for profile in profiles], _about(comparison)
    )
    return counter.size


def read(path: Path) -> Profile:
    """Open a snapshot that holds one profile.

    Raises
    ------
    DamagedFile
        If the file is cut or inconsistent, was written by a newer major version, or needs more
        memory than there is.
    TwinscopeError
        If it holds several profiles.
    OSError
        If it cannot be read.
    """
    profiles = read_all(path)
    if len(profiles) > 1:
        names = ", ".join(each.environment.model_name or each.name for each in profiles)
        raise TwinscopeError(
            f"{path.name} holds {len(profiles)} profiles",
            f"one was wanted, and it has {names}",
            "Open it in the window, or take one out with twinscope snapshot --only 1.",
        )
    return profiles[0]


def read_all(path: Path) -> tuple[Profile, ...]:
    """The profiles of a snapshot; raises as `read` does."""
    return read_compared(path)[0]


def read_compared(path: Path) -> tuple[tuple[Profile, ...], KeptComparison | None]:
    """The profiles of a snapshot, and how they were compared where it tells; raises as `read` does."""
    parts, about = archive.load(path)
    profiles = tuple(_profile(path, each) for each in parts)
    return profiles, KeptComparison.from_json(about.get(_COMPARISON), len(profiles))


def _about(comparison: KeptComparison | None) -> dict[str, Any]:
    return {} if comparison is None else {_COMPARISON: comparison.to_json()}


def _profile(path: Path, parts: Parts) -> Profile:
    try:
        profile = put_together(parts)
    except ValueError as error:
        raise archive.damaged(path, str(error)) from error
    except KeyError as error:
        raise archive.damaged(path, f"its manifest lacks {error.args[0]}") from error
    except (TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DamagedFile.because(
            f"Cannot open {path.name}", error, "its manifest tells of no profile", archive.ASK_AGAIN
        ) from error
    broken = broken_references(profile)
    if broken:
        raise archive.damaged(path, broken[0])
    return profile


class _Counter:
    """A file that keeps nothing but its size."""

    def __init__(self) -> None:
        self.size = 0
        self._place = 0

    def write(self, data: bytes) -> int:
        self._place += len(data)
        self.size = max(self.size, self._place)
        return len(data)

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        self._place = place
        return place

    def flush(self) -> None:
        """Nothing is held back."""
