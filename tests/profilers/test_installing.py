"""What a person is told to install: names that every index has, at the versions that are tested."""

from importlib.metadata import requires

from packaging.requirements import Requirement

from profilers.installing import install_command
from profilers.runtimes import RUN_MODES


def test_packages_are_named_at_the_versions_that_are_tested() -> None:
    command, _, named = install_command(["torch", "ai_edge_litert|tensorflow"]).partition(" torch")
    assert command == "pip install"
    version = next(
        str(found.specifier)
        for found in map(Requirement, requires("twinscope") or [])
        if found.name == "torch"
    )
    assert named.startswith(f"{version} tensorflow==")


def test_no_mode_asks_for_a_package_of_our_name() -> None:
    for mode in RUN_MODES:
        told = install_command(mode.requires)
        assert "twinscope" not in told
        assert [Requirement(each).name for each in told.split()[2:]]
