"""What the ``op_name`` of an instruction tells: the operation it was made from, and where that stood.

TensorFlow writes ``StatefulPartitionedCall/model/dense/MatMul``, JAX
``jit(step)/transpose(jvp(dense))/dot_general``, and both ``…/while/body/…`` for what a loop runs.
"""

import re
from collections.abc import Iterator
from typing import Any

LONGEST_NAME = 1_000
GRADIENT_SCOPE = "gradient"

_CALL = re.compile(r"(?:Stateful)?PartitionedCall(?:_\d+)?")
_PROGRAM = re.compile(r"p?jit\(.*\)|pmap\(.*\)")
_WRAPPED = re.compile(r"(?P<how>\w+)\((?P<what>.*)\)")
_TRANSPOSED = "transpose"
_NAMELESS = frozenset({"closed_call", "core_call", "checkpoint", "rematted_computation", "pjit"})
_TAG = re.compile(r"op__\d+")
GIVEN = frozenset({"XLA_Args", "XLA_Retvals"})
_BODY = re.compile(r"(.*/)?(while/(body|cond)(_fun)?|branch_\d+_fun)")
_DEEPEST = 20


def op_names(instruction: Any) -> list[str]:
    """Names of all that an instruction was made from: XLA lists several with semicolons."""
    texts = instruction.metadata.op_name.split(";")
    return [text for text in texts if text and len(text) <= LONGEST_NAME]


def path_of(op_name: str) -> list[str]:
    """Scopes from the outside in and the operation; empty where only a program, a body or an argument is.

    What JAX transposed to get gradients stands in a scope of its own; what only says how a function
    was called is left out.
    """
    parts = list(_parts(op_name))
    if parts and _PROGRAM.fullmatch(parts[0]):
        parts = parts[1:]
    elif len(parts) == 1 and (parts[0] in GIVEN or "[" in parts[0]):
        return []
    is_gradient = any(part.startswith(f"{_TRANSPOSED}(") for part in parts)
    plain = [each for part in parts for each in _unwrapped(part, 0)]
    plain = [each for each in plain if each not in _NAMELESS and not _TAG.fullmatch(each)]
    while plain and _CALL.fullmatch(plain[0]):
        plain = plain[1:]
    if _BODY.fullmatch("/".join(plain)):
        return []
    return [GRADIENT_SCOPE, *plain] if is_gradient and plain else plain


def operator_of(instruction: Any, path: list[str]) -> str:
    """TensorFlow's type, else JAX's primitive."""
    told: str = instruction.metadata.op_type
    return told or path[-1].partition("[")[0]


def _parts(op_name: str) -> Iterator[str]:
    """Split at slashes that stand in no brackets."""
    depth, begin = 0, 0
    for at, letter in enumerate(op_name):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "/" and depth <= 0:
            if at > begin:
                yield op_name[begin:at]
            begin = at + 1
    if begin < len(op_name):
        yield op_name[begin:]


def _unwrapped(part: str, depth: int) -> Iterator[str]:
    """``jvp(a/b)`` is a and b; ``jit(relu)`` is relu; a name without brackets is itself."""
    match = _WRAPPED.fullmatch(part)
    if match is None or depth > _DEEPEST:
        yield part
        return
    for inner in _parts(match["what"]):
        yield from _unwrapped(inner, depth + 1)
