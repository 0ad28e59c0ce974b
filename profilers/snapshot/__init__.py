"""The `.twin` file: a Profile at rest.

A ZIP whose stored members are compressed columns, named by `manifest.json`. Nothing in it is
executable; every size is checked before memory is taken, and every row number before it is used.
"""

from pathlib import Path

from profilers.probe import Probe
from profilers.profile import Profile
from profilers.profile.references import broken_references
from profilers.snapshot import archive
from profilers.snapshot.tree import Parts, put_together, take_apart

_ZIP_MAGIC = b"PK\x03\x04"


def matches(probe: Probe) -> bool:
    """Whether the path is a snapshot, sound or not. Never raises."""
    first_name = probe.head[30 : 30 + len(archive.MANIFEST)]
    return (
        probe.head.startswith(_ZIP_MAGIC)
        and first_name == archive.MANIFEST.encode()
        and archive.FORMAT.encode() in probe.head
    )


def write(profile: Profile, path: Path) -> None:
    """Save a profile; an older file of that name stays until the new one is whole.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    parts = take_apart(profile)
    archive.save(path, parts.members, {"members": parts.entries, "values": parts.values})


def read(path: Path) -> Profile:
    """Open a snapshot.

    Raises
    ------
    DamagedFile
        If the file is cut or inconsistent, was written by a newer major version, or needs more
        memory than there is.
    OSError
        If it cannot be read.
    """
    members, manifest = archive.load(path)
    try:
        profile = put_together(Parts(members, manifest["members"], manifest["values"]))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise archive.damaged(path, str(error) or type(error).__name__) from error
    broken = broken_references(profile)
    if broken:
        raise archive.damaged(path, broken[0])
    return profile
