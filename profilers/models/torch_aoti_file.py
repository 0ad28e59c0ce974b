"""AOTInductor packages (.pt2): native code, with the C++ that it was compiled from."""

from collections.abc import Iterator
from pathlib import Path

from profilers.graphs.torch_aoti_code import package_inputs, read_package_code
from profilers.models.model_file import Danger, ModelFile
from profilers.models.torch_modes import PACKAGE_MODES
from profilers.models.torch_zip import TorchArchive, is_program, refusing_damage, torch_names
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool
from profilers.request import InputSpec

_FOLDER = "data/aotinductor/"
_NATIVE = (".so", ".pyd", ".dll", ".dylib")
_MOST_FACTS = 64


def matches(probe: Probe) -> bool:
    names = torch_names(probe)
    return any(name.startswith(_FOLDER) for name in names) and not any(map(is_program, names))


def inspect(path: Path) -> ModelFile:
    """Graph, inputs and weights by the package's C++ code, its libraries and its metadata.

    Raises
    ------
    DamagedFile
        If the ZIP or the metadata is unsound.
    """
    with refusing_damage(path), TorchArchive(path) as archive:
        code = _code(archive)
        pool = StringPool()
        graph = read_package_code(code, pool)
        libraries = [name for name in archive.names if name.endswith(_NATIVE)]
        return ModelFile(
            path=path,
            kind="torch-aoti",
            title="AOTInductor package",
            framework="torch",
            modes=PACKAGE_MODES,
            dangers=tuple(Danger("native code", name) for name in libraries),
            inputs=tuple(_inputs(code)),
            preview=Profile(
                path.name,
                strings=pool.table(),
                graphs=(graph,) if len(graph.nodes) > 1 else (),
                environment=Environment(
                    framework="torch", model_name=path.name, facts=_facts(archive)
                ),
            ),
        )


def _code(archive: TorchArchive) -> str:
    """The C++ code that calls the kernels, where the package carries it."""
    names = [name for name in archive.names if name.endswith(".wrapper.cpp")]
    return archive.read(names[0]).decode("utf-8", "replace") if names else ""


def _inputs(code: str) -> Iterator[InputSpec]:
    """What the package checks of its inputs; values are not known, so integers may be anything."""
    for each in package_inputs(code):
        shape = tuple(f"s{axis}" if size is None else size for axis, size in enumerate(each.shape))
        yield InputSpec(each.name, each.dtype, shape, guessed=True)


def _facts(archive: TorchArchive) -> dict[str, str]:
    """Texts of the package's metadata (platform, instruction set, device)."""
    facts: dict[str, str] = {}
    for name in archive.names:
        if name.startswith(_FOLDER) and name.endswith("_metadata.json"):
            metadata = archive.read_json(name)
            facts.update({key: str(value)[:200] for key, value in metadata.items()})
    return dict(list(facts.items())[:_MOST_FACTS])
