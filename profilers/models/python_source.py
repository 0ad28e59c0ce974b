"""What a Python file offers as models, read from its syntax tree: none of it is executed."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FACTORY = "make_model"
EXAMPLES = "example_inputs"
_NAMED_LIKE_A_FACTORY = re.compile(r"(^|_)(model|net|network)$")
_MODULE_BASE = re.compile(r"Module$|^PreTrainedModel$")
_NN = ("nn", "torch.nn")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Entry:
    """Something at the top of the file that can be called without arguments to make a model."""

    name: str
    line: int
    is_class: bool
    summary: str  # first line of its docstring


@dataclass(frozen=True)
class PythonSource:
    """`entries` has the likeliest first; `imports` maps what is imported to its line."""

    entries: tuple[Entry, ...]
    has_examples: bool
    imports: dict[str, int]


def read_python(text: str) -> PythonSource:
    """Entries, imports, and whether there is an ``example_inputs()``.

    Raises
    ------
    SyntaxError, ValueError, RecursionError
        If the text is no Python of this version, or nested too deep.
    """
    tree = ast.parse(text)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    modules = _module_classes(classes)
    factories: list[ast.FunctionDef | ast.ClassDef] = [
        node for node in functions if _is_factory(node, modules)
    ]
    factories.sort(key=lambda node: node.name != FACTORY)
    built: list[ast.FunctionDef | ast.ClassDef] = [
        classes[name] for name in modules if _constructs_freely(name, classes)
    ]
    used = {name for node in built for name in _names(node) if name != node.name}
    built.sort(key=lambda node: (node.name in used, -node.lineno))
    return PythonSource(
        tuple(_entry(node) for node in (*factories, *built)),
        any(node.name == EXAMPLES and not _required(node.args) for node in functions),
        dict(_imports(tree)),
    )


def _entry(node: ast.FunctionDef | ast.ClassDef) -> Entry:
    text = (ast.get_docstring(node) or "").strip()
    return Entry(node.name, node.lineno, isinstance(node, ast.ClassDef), text.partition("\n")[0])


def _module_classes(classes: dict[str, ast.ClassDef]) -> list[str]:
    """Classes that are modules, by their bases and those of their bases in the same file."""
    found: set[str] = set()
    for _ in range(len(classes)):
        grown = {
            name
            for name, node in classes.items()
            if any(_is_module_base(ast.unparse(base), found) for base in node.bases)
        }
        if grown == found:
            break
        found = grown
    return [name for name in classes if name in found]


def _is_module_base(text: str, known: set[str]) -> bool:
    owner, _, name = text.rpartition(".")
    return text in known or owner in _NN or _MODULE_BASE.search(name) is not None


def _is_factory(node: ast.FunctionDef, modules: Iterable[str]) -> bool:
    if node.name.startswith("_") or node.name == EXAMPLES or _required(node.args):
        return False
    if _NAMED_LIKE_A_FACTORY.search(node.name):
        return True
    made = {ast.unparse(call) for call in _returned_calls(node)}
    if node.returns is not None:
        made.add(ast.unparse(node.returns).strip("'\""))
    known = set(modules)
    return any(_is_module_base(text, known) for text in made)


def _returned_calls(node: ast.FunctionDef) -> Iterator[ast.expr]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Call):
            yield inner.value.func


def _constructs_freely(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether the class can be made without arguments, as far as this file tells."""
    node: ast.ClassDef | None = classes[name]
    for _ in range(len(classes)):
        if node is None:
            return True
        for inner in node.body:
            if isinstance(inner, _FUNCTIONS) and inner.name == "__init__":
                return len(_required(inner.args)) <= 1  # self
        bases = [ast.unparse(base) for base in node.bases]
        node = next((classes[base] for base in bases if base in classes), None)
    return True


def _required(arguments: ast.arguments) -> list[str]:
    """Names of the parameters that a caller must give."""
    positional = [*arguments.posonlyargs, *arguments.args]
    free = positional[: len(positional) - len(arguments.defaults)]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [each.arg for each in (*free, *(each for each, default in named if default is None))]


def _names(node: ast.AST) -> Iterator[str]:
    return (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, node.lineno) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno
