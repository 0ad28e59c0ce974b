"""Names and shapes in the Python that Inductor generates."""

import ast
from collections.abc import Iterator

from profilers.graphs.builder import Shape


def names_in(target: ast.expr) -> Iterator[str]:
    """Names of buffers and of items of lists (``buf3[0]``), under views of them too."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Subscript):
        yield ast.unparse(target)
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from names_in(item)
    elif isinstance(target, ast.Call) and ast.unparse(target.func) == "reinterpret_tensor":
        yield from names_in(target.args[0])


def returned_of(value: ast.expr) -> Iterator[str]:
    """One name for each result, "" for what is no tensor."""
    for item in value.elts if isinstance(value, ast.Tuple | ast.List) else (value,):
        yield next(names_in(item), "")


def tensors_of(argument: ast.expr) -> list[ast.expr]:
    """The argument, or the items of a list of tensors."""
    return list(argument.elts) if isinstance(argument, ast.List) else [argument]


def shape_of(node: ast.expr) -> Shape:
    """A tuple of numbers; a dimension that is an expression stays a symbol's text."""
    if not isinstance(node, ast.Tuple):
        return None
    return tuple(
        item.value
        if isinstance(item, ast.Constant) and isinstance(item.value, int)
        else ast.unparse(item)
        for item in node.elts
    )
