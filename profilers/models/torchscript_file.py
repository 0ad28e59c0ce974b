"""TorchScript archives: modules, weights and argument names, read without running their code."""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from profilers.graphs.module_tree import (
    LONGEST_PATH,
    MOST_MODULES,
    Module,
    ModuleTensor,
    module_graph,
)
from profilers.graphs.torchscript_code import ScriptClass, plain_class_name, read_classes
from profilers.models.model_file import Danger, ModelFile
from profilers.models.pickle_scan import Global, Instance, UnsoundPickle, scan
from profilers.models.torch_input_guess import guess_input, guess_module_input
from profilers.models.torch_modules import plain_attributes
from profilers.models.torch_tensors import Tensor
from profilers.models.torch_zip import TorchArchive, refusing_damage, torch_names
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool
from profilers.request import InputSpec

_CODE = "code/"
_TENSOR_DATA = re.compile(r"data/\d+")  # the first member, where only the head of a ZIP is left
_MOST_FOLLOWED = 64
_NUMBERS = {"int": "int64", "float": "float64", "bool": "bool"}
# Operators that reach files, as the archive's code spells them.
_FILE_CALL = re.compile(
    r"\b(?:torch\.(?:save|from_file|load)|ops\.\w+\.\w*(?:file|load|save|write)\w*)(?=\()"
)


def matches(probe: Probe) -> bool:
    names = torch_names(probe)
    if not probe.zip_names and names:
        return _TENSOR_DATA.fullmatch(names[0]) is not None
    return "constants.pkl" in names and any(name.startswith(_CODE) for name in names)


def inspect(path: Path) -> ModelFile:
    """Module tree and inputs of the scripted model.

    Raises
    ------
    DamagedFile
        If the archive, its pickle or its code is cut off or unsound.
    """
    with refusing_damage(path), TorchArchive(path) as archive:
        root = scan(io.BytesIO(archive.read("data.pkl"))).root
        code = {
            name.removeprefix(_CODE): archive.read(name)
            for name in archive.names
            if name.startswith(_CODE) and name.endswith(".py")
        }
    with refusing_damage(path):
        reader = _Reader(read_classes(code))
        model = reader.read(root, "")
        pool = StringPool()
        graph = module_graph(model, pool)
        return ModelFile(
            path=path,
            kind="torchscript",
            title="TorchScript module",
            framework="torch",
            modes=("torchscript",),
            inputs=tuple(reader.inputs(model)),
            dangers=tuple(_dangers(code)),
            preview=Profile(
                path.name,
                strings=pool.table(),
                graphs=(graph,),
                environment=Environment(framework="torch", model_name=path.name),
            ),
        )


def _dangers(code: Mapping[str, bytes]) -> Iterator[Danger]:
    for name, text in code.items():
        for call in dict.fromkeys(_FILE_CALL.findall(text.decode("utf-8", "replace"))):
            yield Danger(call, f"{_CODE}{name}", severe=True)


class _Reader:
    """Modules of the archive's pickle joined with their classes in its code."""

    def __init__(self, classes: Mapping[str, ScriptClass]) -> None:
        self._classes = classes
        self._class_of: dict[str, ScriptClass] = {}
        self._followed: set[tuple[str, str, str]] = set()
        self._count = 0

    def read(self, value: Any, path: str) -> Module:
        """The module of one record.

        Raises
        ------
        UnsoundPickle
            If it is no module, or there are more, or deeper ones, than any model has.
        """
        self._count += 1
        if not _is_module(value):
            raise UnsoundPickle("its pickle holds no modules")
        if self._count > MOST_MODULES or len(path) > LONGEST_PATH:
            raise UnsoundPickle("it holds more modules, or deeper ones, than any model does")
        found = self._classes.get(str(value.maker))
        if found is not None:
            self._class_of[path] = found
        state: dict[Any, Any] = value.state
        children = [
            self.read(child, f"{path}.{name}".removeprefix("."))
            for name, child in state.items()
            if _is_module(child)
        ]
        tensors = [
            ModuleTensor(str(name), tensor.dtype, tensor.shape, tensor.identity)
            for name, tensor in state.items()
            if isinstance(tensor, Tensor)
        ]
        constants = dict(found.constants) if found is not None else {}
        return Module(
            path,
            plain_class_name(str(value.maker)),
            plain_attributes({**constants, **state}),
            tuple(tensors),
            tuple(children),
        )

    def inputs(self, root: Module) -> Iterator[InputSpec]:
        """Arguments of forward that must be given; a tensor's shape is that of what it goes into."""
        script = self._class_of.get("")
        for name, kind, has_default in script.arguments() if script is not None else ():
            if kind == "Tensor":
                guess = self._guess(root, root, name, "forward") or guess_input(root, name)
                yield guess or InputSpec(name, "float32", (1,), guessed=True)
            elif not has_default and kind in _NUMBERS:
                yield InputSpec(name, _NUMBERS[kind], (), guessed=True)

    def _guess(self, module: Module, root: Module, argument: str, method: str) -> InputSpec | None:
        """Follow an argument from module to module until one is reached that tells what it takes."""
        key = (module.path, argument, method)
        found = guess_module_input(module, root, argument)
        script = self._class_of.get(module.path)
        if found is not None or script is None or key in self._followed:
            return found
        if len(self._followed) >= _MOST_FOLLOWED:
            return None
        self._followed.add(key)
        children = {child.path.rpartition(".")[2]: child for child in module.children}
        for attribute, called, position in script.passed_to(argument, method):
            child = children.get(attribute)
            inner = self._class_of.get(child.path) if child is not None else None
            names = inner.arguments(called) if inner is not None else []
            if child is not None and position < len(names):
                guess = self._guess(child, root, names[position][0], called)
                if guess is not None:
                    return InputSpec(
                        argument, guess.dtype, guess.shape, guess.low, guess.high, guessed=True
                    )
        return None


def _is_module(value: Any) -> bool:
    return (
        isinstance(value, Instance)
        and isinstance(value.maker, Global)
        and value.maker.module.startswith("__torch__")
        and isinstance(value.state, dict)
    )
