"""What a person chose to give away: parts, names, and the check that nothing else went along."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.profile import KeptComparison, Profile
from profilers.snapshot.anonymise import anonymised
from profilers.snapshot.layer_names import LayerNames
from profilers.snapshot.parts import without
from profilers.snapshot.scan import scan
from profilers.snapshot.secrets import Secrets, secrets_of

_MOST_TOLD = 5


@dataclass(frozen=True)
class Sharing:
    """`left_out` names parts of `profilers.snapshot.parts`, `hidden` adds words to be hidden."""

    left_out: frozenset[str] = frozenset()
    anonymise: bool = False
    hash_names: bool = False
    hidden: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all of a profile is given away as it is."""
        return not self.left_out and not self.anonymise

    def of(self, profiles: Sequence[Profile]) -> list[Profile]:
        """The profiles as they are to be given away."""
        return self._told(profiles, self._secrets(profiles), self._layers(profiles))

    def _secrets(self, profiles: Sequence[Profile]) -> Secrets:
        return secrets_of(profiles, self.hidden) if self.anonymise else Secrets(frozenset())

    def _layers(self, profiles: Sequence[Profile]) -> LayerNames | None:
        return LayerNames.of(*profiles) if self.hash_names else None

    def _told(
        self, profiles: Sequence[Profile], secrets: Secrets, layers: LayerNames | None
    ) -> list[Profile]:
        shared = [without(profile, self.left_out) for profile in profiles]
        if self.anonymise:
            shared = [anonymised(each, secrets, layers) for each in shared]
        return shared


def size_of_shared(
    profiles: Sequence[Profile], sharing: Sharing, comparison: KeptComparison | None = None
) -> int:
    """Bytes of the file that `save_shared` would write; takes as long as writing it."""
    return snapshot.size_of(sharing.of(profiles), comparison)


def save_shared(
    profiles: Sequence[Profile],
    path: Path,
    sharing: Sharing,
    comparison: KeptComparison | None = None,
) -> None:
    """Write a snapshot; an anonymous one takes its name only once a search found nothing in it.

    `comparison` tells how the profiles are compared.

    Raises
    ------
    TwinscopeError
        If something that was to be hidden is in the file, or it cannot be written.
    """
    secrets, layers = sharing._secrets(profiles), sharing._layers(profiles)
    shared = sharing._told(profiles, secrets, layers)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not sharing.anonymise:
            snapshot.write_all(shared, path, comparison)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-unchecked-")
        os.close(handle)
        unchecked = Path(name)
        try:
            snapshot.write_all(shared, unchecked, comparison)
            _check(unchecked, secrets.knowing_names_of(shared), layers)
            unchecked.replace(path)
        finally:
            unchecked.unlink(missing_ok=True)
    except OSError as error:
        raise TwinscopeError(
            f"Cannot save {path.name}", error.strerror or str(error), "Choose another place."
        ) from error


def _check(path: Path, secrets: Secrets, layers: LayerNames | None) -> None:
    found = scan(path, secrets, layers)
    if found:
        told = "; ".join(f"{each.text!r} in {each.member}" for each in found[:_MOST_TOLD])
        raise TwinscopeError(
            "The snapshot was not written",
            f"{len(found)} things that were to be hidden are still in it: {told}",
            "Leave out the part that holds them.",
        )
