"""The kernels that Inductor's generated Python defines: their source and what their pointers are for."""

import ast
import re
from dataclasses import dataclass

_CPP_SIGNATURE = re.compile(r"\bkernel\((.*?)\)", re.DOTALL)
_CPP_POINTER = re.compile(r"(const\s+)?([\w:]+)\s*\*\s*(?:__restrict__\s*)?(\w+)")
_TRITON_SIGNATURE = re.compile(r"^def \w+\((.*?)\):", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r'record_\w+_\("(\w+)"')  # the name of the range around it
_CPP_DTYPES = {
    "float": "float32", "double": "float64", "bfloat16": "bfloat16", "at::BFloat16": "bfloat16",
    "half": "float16", "at::Half": "float16", "int64_t": "int64", "int32_t": "int32",
    "int16_t": "int16", "int8_t": "int8", "uint8_t": "uint8", "bool": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class GeneratedKernel:
    """What a module defines; `mark` is what a trace calls its runs, "" where the code does not tell."""

    kind: str
    source: str
    roles: tuple[tuple[str, str], ...]  # ("r", "w" or "rw", dtype) of each pointer, in order
    mark: str = ""


def generated_kernels(tree: ast.Module) -> dict[str, GeneratedKernel]:
    """``name = async_compile.cpp_pybinding([...], source)`` and the like."""
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        maker, target = ast.unparse(node.value.func), node.targets[0]
        if not maker.startswith("async_compile.") or not isinstance(target, ast.Name):
            continue
        texts = [arg.value for arg in node.value.args if isinstance(arg, ast.Constant)]
        source = max((text for text in texts if isinstance(text, str)), key=len, default="")
        if ".cpp" in maker:
            mark = _MARK.search(source)
            found[target.id] = GeneratedKernel(
                "C++/OpenMP", source.strip("\n"), _cpp_roles(source), mark[1] if mark else ""
            )
        else:
            found[target.id] = GeneratedKernel("Triton", source.strip("\n"), _triton_roles(source))
    return found


def _cpp_roles(source: str) -> tuple[tuple[str, str], ...]:
    signature = _CPP_SIGNATURE.search(source)
    pointers = _CPP_POINTER.findall(signature[1]) if signature else []
    return tuple(
        ("r" if const else "rw" if name.startswith("in_out") else "w", _CPP_DTYPES.get(kind, ""))
        for const, kind, name in pointers
    )


def _triton_roles(source: str) -> tuple[tuple[str, str], ...]:
    signature = _TRITON_SIGNATURE.search(source)
    names = [part.strip() for part in signature[1].split(",")] if signature else []
    roles = (("in_out_ptr", "rw"), ("in_ptr", "r"), ("out_ptr", "w"))
    return tuple((role, "") for name in names for prefix, role in roles if name.startswith(prefix))
