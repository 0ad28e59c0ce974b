"""What loading an exported program could execute: more than its graph.

``torch.export.load`` unpickles sample inputs, pickled weights and constants, evaluates the text of
symbolic sizes, imports the modules that its call signature names, resolves operators by attribute
from ``torch`` itself, and runs its guards as Python. Whatever is not of the form that PyTorch writes
is listed as severe.
"""

import ast
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from profilers.models.model_file import Danger
from profilers.models.pickle_dangers import pickle_dangers
from profilers.models.pickle_scan import UnsoundPickle
from profilers.models.torch_save import read_saved
from profilers.models.torch_zip import TorchArchive, is_program

_OPERATOR = re.compile(
    r"torch\.ops\.\w+\.\w+(\.\w+)?|_operator\.\w+|math\.\w+|torch\.sym_\w+|torch\._sym_\w+"
)
_FILE_OPERATOR = re.compile(r"torch\.ops\.(.*[._])?(load|save|read|write|file)([._].*)?")
_IMPORT = re.compile(r"default_factory_module|__enum__")
_EXPRESSION_NODES = (
    ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.BinOp,
    ast.operator, ast.UnaryOp, ast.unaryop, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop,
)  # fmt: skip
_GUARD_NODES = (*_EXPRESSION_NODES, ast.Subscript, ast.Attribute)
_FUNCTIONS = frozenset({
    "Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Max", "Min", "Abs",
    "FloorDiv", "PythonMod", "CleanDiv", "CeilDiv", "ModularIndexing", "Where", "Eq", "Ne", "Lt",
    "Le", "Gt", "Ge", "Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan",
    "GreaterThan", "And", "Or", "Not", "Piecewise", "ExprCondPair", "floor", "ceiling", "TruncToInt",
    "TruncToFloat", "RoundToInt", "RoundDecimal", "FloatPow", "PowByNatural", "IntTrueDiv",
    "FloatTrueDiv", "ToFloat", "FloorToInt", "CeilToInt", "OpaqueUnaryFn_sqrt", "LShift", "RShift",
})  # fmt: skip
_GUARD_CALLS = frozenset({
    "size", "stride", "storage_offset", "dim", "numel", "len", "item", "max", "min", "abs", "int",
    "float", "round", "ceil", "floor", "trunc", "sqrt",
})  # fmt: skip


def export_dangers(archive: TorchArchive) -> list[Danger]:
    """Every danger of the archive, severe ones first, each call once."""
    found = [
        *_native_code(archive),
        *_pickles(archive),
        *(danger for name in archive.names if is_program(name)
          for danger in _program(archive.read_json(name), name)),
    ]  # fmt: skip
    unique = {danger.call: danger for danger in reversed(found)}
    return sorted(unique.values(), key=lambda danger: (not danger.severe, danger.where))


def _native_code(archive: TorchArchive) -> Iterator[Danger]:
    for name in archive.names:
        if name.endswith((".so", ".pyd", ".dylib", ".dll")):
            yield Danger("native code", name, severe=True)


def _pickles(archive: TorchArchive) -> Iterator[Danger]:
    for name in _pickle_members(archive):
        content = archive.read(name)
        if not content:
            continue
        try:
            yield from pickle_dangers(read_saved(io.BytesIO(content)).globals, name)
        except (UnsoundPickle, zipfile.BadZipFile) as error:
            yield Danger(f"a pickle that cannot be read ({error})", name, severe=True)


def _pickle_members(archive: TorchArchive) -> Iterator[str]:
    """Sample inputs, weights and constants of the older layout, and what the tables mark as pickled."""
    for name in archive.names:
        folder, _, file = name.casefold().rpartition("/")
        in_tables = folder in ("data/weights", "data/constants")
        if folder == "data/sample_inputs" or (in_tables and file.endswith(".pt")):
            yield name
        elif in_tables and file.endswith("_config.json"):
            for entry in archive.read_json(name)["config"].values():
                member = posixpath.join(folder, str(entry["path_name"]))
                is_pickle = entry.get("use_pickle") or entry.get("tensor_meta") is None
                if is_pickle and member in archive:
                    yield member


def _program(document: Any, where: str) -> Iterator[Danger]:
    for text in document.get("guards_code") or ():
        if not _is_guard(str(text)):
            yield Danger(f"Python: {_short(text)}", f"a guard in {where}", severe=True)
    for key, value in _strings(document):
        if key == "expr_str" and not _is_expression(value):
            yield Danger(f"Python: {_short(value)}", f"a symbolic size in {where}", severe=True)
        elif key == "target" and not _OPERATOR.fullmatch(value):
            yield Danger(_short(value), f"an operator in {where}", severe=True)
        elif key == "target" and _FILE_OPERATOR.fullmatch(value):
            yield Danger(value, f"an operator in {where}", severe=True)
        elif key in ("in_spec", "out_spec") and _IMPORT.search(value):
            yield Danger(f"imports that {_short(value)} names", f"the signature in {where}")


def _strings(document: Any) -> Iterator[tuple[str, str]]:
    """Every text of a JSON document with the key it stands under."""
    pending: list[Any] = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from ((key, text) for key, text in value.items() if isinstance(text, str))
            pending.extend(item for item in value.values() if isinstance(item, (dict, list)))
        else:
            pending.extend(item for item in value if isinstance(item, (dict, list)))


def _short(text: Any) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= 120 else line[:117] + "..."


def _parsed(text: str) -> ast.AST | None:
    if len(text) > 20_000:
        return None
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_expression(text: str) -> bool:
    """True for arithmetic over symbols as sympy prints it."""
    tree = _parsed(text)
    if tree is None:
        return False
    return all(
        isinstance(node, _EXPRESSION_NODES) and _calls_only(node, _FUNCTIONS)
        for node in ast.walk(tree)
    )


def _calls_only(node: ast.AST, allowed: frozenset[str]) -> bool:
    return not isinstance(node, ast.Call) or (
        isinstance(node.func, ast.Name) and node.func.id in allowed
    )


def _is_guard(text: str) -> bool:
    """True for a comparison of sizes: ``L['x'].size()[0] <= 64``."""
    tree = _parsed(text)
    if tree is None:
        return False
    return all(isinstance(node, _GUARD_NODES) and _is_guard_part(node) for node in ast.walk(tree))


def _is_guard_part(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _GUARD_CALLS
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return name in _GUARD_CALLS or name in _FUNCTIONS
    return True
