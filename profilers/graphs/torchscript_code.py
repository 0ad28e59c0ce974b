"""Classes in a TorchScript archive's code, which is written in Python's syntax and only parsed here."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_CODE_BYTES = 8 << 20


@dataclass(frozen=True, eq=False)
class ScriptClass:
    """Constants and methods of one scripted module class."""

    constants: Mapping[str, Any]
    methods: Mapping[str, ast.FunctionDef]

    def arguments(self, method: str = "forward") -> list[tuple[str, str, bool]]:
        """(name, type, has a default) of each argument after ``self``."""
        function = self.methods.get(method)
        if function is None:
            return []
        found = function.args.args
        required = len(found) - len(function.args.defaults)
        return [
            (item.arg, ast.unparse(item.annotation) if item.annotation else "", index >= required)
            for index, item in enumerate(found)
            if index > 0
        ]

    def passed_to(self, argument: str, method: str = "forward") -> Iterator[tuple[str, str, int]]:
        """Submodules that are called with the argument as it came: (attribute, method, position)."""
        function = self.methods.get(method)
        if function is None:
            return
        modules = dict(_submodule_variables(function))
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            owner = call.func.value
            if isinstance(owner, ast.Name) and owner.id in modules:
                for position, value in enumerate(call.args):
                    if isinstance(value, ast.Name) and value.id == argument:
                        yield modules[owner.id], call.func.attr, position


def read_classes(files: Mapping[str, bytes]) -> dict[str, ScriptClass]:
    """Classes by qualified name ("__torch__.net.Net"), from code files by path below ``code/``.

    A file that is not Python's syntax is left out, and so is what exceeds the code of any ordinary
    model: those classes are then unknown.
    """
    classes = {}
    budget = _MOST_CODE_BYTES
    for path, text in files.items():
        budget -= len(text)
        if budget < 0:
            break
        module = path.removesuffix(".py").replace("/", ".")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                classes[f"{module}.{node.name}"] = _read_class(node)
    return classes


def plain_class_name(qualified: str) -> str:
    """The Python class that was scripted: without ``__torch__`` and the parts that tell copies apart."""
    parts = qualified.split(".")
    return ".".join(
        part for part in parts if part != "__torch__" and not part.startswith("___torch_mangle_")
    )


def _read_class(node: ast.ClassDef) -> ScriptClass:
    constants = {}
    methods = {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            methods[item.name] = item
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.value:
            try:
                constants[item.target.id] = ast.literal_eval(item.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
    return ScriptClass(constants, methods)


def _submodule_variables(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """(variable, attribute) of ``variable = self.attribute`` and ``getattr(self, "attribute")``."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        value = node.value
        if isinstance(value, ast.Attribute) and _is_self(value.value):
            yield node.targets[0].id, value.attr
        elif isinstance(value, ast.Call) and len(value.args) == 2 and _is_self(value.args[0]):
            name = value.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.targets[0].id, name.value


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
