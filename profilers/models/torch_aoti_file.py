"""AOTInductor packages (.pt2): native code, which tells nothing of its inputs."""

from pathlib import Path

from profilers.models.model_file import Danger, ModelFile
from profilers.models.torch_run_modes import PACKAGE_MODES
from profilers.models.torch_zip import TorchArchive, is_program, refusing_damage, torch_names
from profilers.probe import Probe
from profilers.profile import Environment, Profile

_FOLDER = "data/aotinductor/"
_NATIVE = (".so", ".pyd", ".dll", ".dylib")
_MOST_FACTS = 64


def matches(probe: Probe) -> bool:
    names = torch_names(probe)
    return any(name.startswith(_FOLDER) for name in names) and not any(map(is_program, names))


def inspect(path: Path) -> ModelFile:
    """The libraries in the package and what its metadata says of them.

    Raises
    ------
    DamagedFile
        If the ZIP or the metadata is unsound.
    """
    with refusing_damage(path), TorchArchive(path) as archive:
        libraries = [name for name in archive.names if name.endswith(_NATIVE)]
        return ModelFile(
            path=path,
            kind="torch-aoti",
            title="AOTInductor package",
            framework="torch",
            modes=PACKAGE_MODES,
            dangers=tuple(Danger("native code", name) for name in libraries),
            preview=Profile(
                path.name,
                environment=Environment(
                    framework="torch", model_name=path.name, facts=_facts(archive)
                ),
            ),
        )


def _facts(archive: TorchArchive) -> dict[str, str]:
    """Texts of the package's metadata (platform, instruction set, device)."""
    facts: dict[str, str] = {}
    for name in archive.names:
        if name.startswith(_FOLDER) and name.endswith("_metadata.json"):
            metadata = archive.read_json(name)
            facts.update({key: str(value)[:200] for key, value in metadata.items()})
    return dict(list(facts.items())[:_MOST_FACTS])
