"""Files of ``torch.save``: a whole pickled module, a state dict, a checkpoint, or a bare pickle."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.graphs.module_tree import LONGEST_PATH, ModuleTensor, module_graph, tensor_graph
from profilers.models.model_file import Danger, ModelFile
from profilers.models.pickle_dangers import pickle_dangers
from profilers.models.pickle_scan import Instance, PickleContent, UnsoundPickle
from profilers.models.torch_input_guess import guess_input
from profilers.models.torch_modes import MODULE_MODES
from profilers.models.torch_modules import is_module, module_tree
from profilers.models.torch_save import LEGACY_MAGIC, read_saved
from profilers.models.torch_tensors import Tensor
from profilers.models.torch_zip import refusing_damage, torch_names
from profilers.probe import Probe
from profilers.profile import Diagnostic, Environment, Graph, Profile, Severity, StringPool

MOST_VALUES = 1_000_000
_PICKLE_PROTOCOLS = tuple(bytes((0x80, version)) for version in (2, 3, 4, 5))

NEEDS_CODE = Diagnostic(
    Severity.INFO,
    "The file holds weights but not the model that uses them.",
    "To run it, name the code that makes the model, such as model.py:make_model or "
    "torchvision:resnet18; or build the model in your own code, load these weights into it and "
    "save the whole model with torch.save or torch.export.save.",
)


def matches(probe: Probe) -> bool:
    names = torch_names(probe)
    if names:
        return "data.pkl" in names and "constants.pkl" not in names
    return probe.head.startswith(_PICKLE_PROTOCOLS)


def inspect(path: Path) -> ModelFile:
    """Modules or tensors of the file, and what unpickling it would call.

    Raises
    ------
    DamagedFile
        If the archive or its pickle is cut off, unsound or larger than a model needs.
    """
    with refusing_damage(path):
        content = read_saved(path)
        dangers = tuple(pickle_dangers(content.globals, "its pickle"))
        if is_module(content.root):
            return _module_file(path, content, dangers)
        if _is_saved_by_torch(path):
            return _weights_file(path, content, dangers)
        return ModelFile(
            path=path,
            kind="pickle",
            title="Python pickle",
            framework="",
            modes=(),
            dangers=dangers,
            preview=_preview(path, *_tensor_table(content)),
            cannot_run="The file is a plain pickle and not a model that torch.save wrote.",
        )


def _is_saved_by_torch(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(LEGACY_MAGIC)).startswith((b"PK\x03\x04", LEGACY_MAGIC))


def _module_file(path: Path, content: PickleContent, dangers: tuple[Danger, ...]) -> ModelFile:
    root = module_tree(content.root)
    pool = StringPool()
    graph = module_graph(root, pool)
    guess = guess_input(root)
    return ModelFile(
        path=path,
        kind="torch-module",
        title="PyTorch module",
        framework="torch",
        modes=MODULE_MODES,
        inputs=() if guess is None else (guess,),
        dangers=dangers,
        preview=_preview(path, graph, pool),
    )


def _weights_file(path: Path, content: PickleContent, dangers: tuple[Danger, ...]) -> ModelFile:
    modules = [name for name, value in _entries(content.root, "") if is_module(value)]
    preview = _preview(path, *_tensor_table(content))
    reason = ""
    if modules:
        reason = (
            f"The file is a checkpoint with a whole module under {modules[0][1:]!r}. "
            "Save that module by itself with torch.save."
        )
    return ModelFile(
        path=path,
        kind="torch-state-dict",
        title="PyTorch weights",
        framework="torch",
        modes=() if modules else MODULE_MODES,
        dangers=dangers,
        preview=preview if modules else replace(preview, diagnostics=(NEEDS_CODE,)),
        cannot_run=reason,
        needs_code=not modules,
    )


def _preview(path: Path, graph: Graph, pool: StringPool) -> Profile:
    environment = Environment(framework="torch", model_name=path.name)
    return Profile(path.name, strings=pool.table(), graphs=(graph,), environment=environment)


def _tensor_table(content: PickleContent) -> tuple[Graph, StringPool]:
    pool = StringPool()
    found = (
        ModuleTensor(name, tensor.dtype, tensor.shape, tensor.identity)
        for name, tensor in _tensors(content.root)
    )
    return tensor_graph(found, pool), pool


def _tensors(root: Any) -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested containers and modules by dotted path, in the order of the file."""
    open_containers: list[Iterator[tuple[str, Any]]] = [iter([("", root)])]
    for _ in range(MOST_VALUES):
        path, value = next(open_containers[-1], ("", None))
        if isinstance(value, Tensor):
            yield path.removeprefix(".") or "tensor", value
        elif value is not None:
            if len(path) > LONGEST_PATH:
                raise UnsoundPickle("its values are nested deeper than any model's")
            open_containers.append(_entries(value, path))
        else:
            open_containers.pop()
            if not open_containers:
                return
    raise UnsoundPickle(f"it holds more than {MOST_VALUES:,} values")


def _entries(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What a container at `path` holds, by path."""
    if isinstance(value, Instance):
        value = value.entries or value.state
    if isinstance(value, dict):
        yield from ((f"{path}.{key}", item) for key, item in value.items() if _is_named(key, item))
    elif isinstance(value, (list, tuple)):
        yield from (
            (f"{path}.{row}", item) for row, item in enumerate(value) if _is_container(item)
        )


def _is_named(key: Any, value: Any) -> bool:
    return isinstance(key, (str, int)) and _is_container(value)


def _is_container(value: Any) -> bool:
    return isinstance(value, (Tensor, Instance, dict, list, tuple))
