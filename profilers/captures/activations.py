"""Keeps the digests of layers' outputs that a capture folder holds."""

from dataclasses import replace
from pathlib import Path

from profilers.activations import FILE
from profilers.profile import Profile

MEMBER = "activations"  # of a snapshot


def with_activations(profile: Profile, folder: Path) -> Profile:
    """The profile with what the file holds, if there is one."""
    path = folder / FILE
    if not path.is_file():
        return profile
    return replace(profile, extra={**profile.extra, MEMBER: path.read_bytes()})
