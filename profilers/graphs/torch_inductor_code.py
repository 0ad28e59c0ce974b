"""Kernel calls and buffers in the Python wrapper that Inductor generates, torch not needed.

Only the syntax tree of its ``call`` function is read, nothing is executed. What is not understood
is left out: the form of this code is no interface of PyTorch.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from profilers.graphs.builder import Shape

_HANDLES = re.compile(r"# \[Provenance debug handles\] (.+)")
_AOT_ID = re.compile(r"# AOT ID: \['(\d+)")
_MARK = re.compile(r'"graph_(\d+)_cpp_\w+"')  # where graphs failed before, they count otherwise
_CPP_SIGNATURE = re.compile(r"\bkernel\((.*?)\)", re.DOTALL)
_CPP_POINTER = re.compile(r"(const\s+)?([\w:]+)\s*\*\s*(?:__restrict__\s*)?(\w+)")
_TRITON_SIGNATURE = re.compile(r"^def \w+\((.*?)\):", re.DOTALL | re.MULTILINE)
_EMPTY = ("empty_strided", "empty_strided_cpu", "empty_strided_cuda", "_empty_strided_cuda")
_LIBRARIES = {"mkldnn": "oneDNN", "onednn": "oneDNN", "mkl": "MKL"}
_ASSIGNED = re.compile(r"auto tmp\d+ = (.*);")
_COMPUTED = re.compile(r"^(?!.*loadu\().*\btmp\d+")  # of another value, not loaded from an array
_CALLS = re.compile(r"call|partition_\d+")
_CPP_DTYPES = {
    "float": "float32", "double": "float64", "bfloat16": "bfloat16", "at::BFloat16": "bfloat16",
    "half": "float16", "at::Half": "float16", "int64_t": "int64", "int32_t": "int32",
    "int16_t": "int16", "int8_t": "int8", "uint8_t": "uint8", "bool": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Buffer:
    """A tensor of the generated code; unknown parts are "" and None."""

    name: str
    dtype: str = ""
    shape: Shape = None


@dataclass(frozen=True)
class KernelCall:
    """One call of a kernel, in the order of the code.

    Parameters
    ----------
    name : str
        ``cpp_fused_relu_0``, ``triton_poi_fused_add_0``, or the operator that is called as it is
        (``aten.addmm``).
    handle : str
        What the provenance calls it ("extern_kernels.addmm:6"), "" if it does not.
    kind : str
        "C++/OpenMP" or "Triton"; "extern" for an operator whose library kernel Inductor chose,
        "oneDNN" and "MKL" for a kernel of these libraries with what it fused into it, "fallback"
        for an operator that it has no code for.
    source : str
        Generated source, "" for an operator that is called as it is.
    reads, writes : tuple of Buffer
        Buffers that are one behind aliases have one name; none in a body.
    body : str
        Name of the function that makes the call, where that is a branch or loop as torch.cond has.
    loop : tuple of int
        Numbers of the first calls of the loops whose round ends after this call.
    """

    name: str
    handle: str
    kind: str
    source: str
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    body: str = ""
    loop: tuple[int, ...] = ()

    @property
    def is_generated(self) -> bool:
        return self.kind in ("C++/OpenMP", "Triton")

    @property
    def is_library(self) -> bool:
        """Of a library that takes activations, sums and folded weights into its kernels."""
        return self.kind in ("oneDNN", "MKL")


@dataclass(frozen=True)
class InductorCode:
    """What a compiled graph runs.

    `number` is the one in its kernels' names in a trace; of `outputs`, "" is no tensor.
    """

    number: int
    inputs: tuple[Buffer, ...]
    calls: tuple[KernelCall, ...]
    outputs: tuple[str, ...]


def read_inductor_code(text: str) -> InductorCode:
    """The kernel calls of a generated module.

    Raises
    ------
    SyntaxError, ValueError, RecursionError
        If the text is no Python.
    """
    tree = ast.parse(text)
    number = _MARK.search(text) or _AOT_ID.search(text)
    reader = _Reader(text, _generated_kernels(tree))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    reader.bodies.update(
        {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    )
    for function in functions:
        if function.name == "get_args":
            reader.read_examples(function.body)
    for function in functions:
        if _CALLS.fullmatch(function.name):
            reader.read_statements(function.body)
    return InductorCode(
        int(number[1]) if number else 0,
        tuple(reader.buffer(name) for name in reader.inputs),
        tuple(reader.completed(call) for call in reader.calls),
        tuple(reader.outputs),
    )


@dataclass(frozen=True)
class _Kernel:
    kind: str
    source: str
    roles: tuple[tuple[str, str], ...]  # ("r", "w" or "rw", dtype) of each pointer, in order


def _generated_kernels(tree: ast.Module) -> dict[str, _Kernel]:
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
            found[target.id] = _Kernel("C++/OpenMP", source.strip("\n"), _cpp_roles(source))
        else:
            found[target.id] = _Kernel("Triton", source.strip("\n"), _triton_roles(source))
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


@dataclass
class _Reader:
    text: str
    kernels: Mapping[str, _Kernel]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    calls: list[KernelCall] = field(default_factory=list)
    bodies: dict[str, ast.FunctionDef] = field(default_factory=dict)  # that a graph may call

    def __post_init__(self) -> None:
        self._lines = self.text.splitlines()
        self._root: dict[str, str] = {}
        self._metas: dict[str, Buffer] = {}
        self._examples: dict[str, Buffer] = {}
        self._last_line = 0

    def buffer(self, name: str) -> Buffer:
        root = self._resolve(name)
        made = self._metas.get(root) or self._examples.get(root) or Buffer(root)
        meta = self._metas.get(name, made)
        return Buffer(root, meta.dtype or made.dtype or self._example_dtype(root), meta.shape)

    def completed(self, call: KernelCall) -> KernelCall:
        """With the shapes that only the statements after the call tell."""
        writes = [each if each.shape else self.buffer(each.name) for each in call.writes]
        return replace(call, writes=tuple(writes))

    def read_examples(self, statements: list[ast.stmt]) -> None:
        """``arg0_1 = rand_strided(shape, strides, device=..., dtype=torch.float32)``."""
        for statement in statements:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            call, target = statement.value, statement.targets[0]
            dtypes = [ast.unparse(each.value) for each in call.keywords if each.arg == "dtype"]
            if isinstance(target, ast.Name) and dtypes and call.args:
                dtype = dtypes[0].removeprefix("torch.")
                self._examples[target.id] = Buffer(target.id, dtype, _shape(call.args[0]))

    def read_statements(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.With):
                self.read_statements(statement.body)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                self.outputs += [self._resolve(name) for name in _returned(statement.value)]
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self._read_assignment(statement.targets[0], statement.value)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._read_call(statement.value, ())
            elif isinstance(statement, ast.If):
                self.read_statements([*statement.body, *statement.orelse])
            elif isinstance(statement, ast.While):
                self._read_loop(statement)

    def _read_loop(self, loop: ast.While) -> None:
        """Its last kernel may be followed by its first one."""
        first = len(self.calls)
        self.read_statements(loop.body)
        if len(self.calls) > first:
            self.calls[-1] = replace(self.calls[-1], loop=(*self.calls[-1].loop, first))

    def _read_body(self, body: ast.FunctionDef) -> None:
        """The kernels of a branch or loop; its buffers have names of their own, and are left out."""
        inner = replace(self, calls=[], inputs=[], outputs=[])
        inner.read_statements(body.body)
        first = len(self.calls)
        for call in inner.calls:
            loop = tuple(first + number for number in call.loop)
            self.calls.append(replace(call, reads=(), writes=(), body=body.name, loop=loop))

    def _read_assignment(self, target: ast.expr, value: ast.expr) -> None:
        names = tuple(_names(target))
        if isinstance(value, ast.Name) and value.id == "args":
            self.inputs += names
        elif isinstance(value, ast.Call) and ast.unparse(value.func) in self.bodies:
            self._read_body(self.bodies[ast.unparse(value.func)])
        elif len(names) != 1 or names[0] == "args":
            return
        elif isinstance(value, ast.Name):
            self._alias(names[0], value.id)
        elif isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):
            self._alias(names[0], value.value.id)
        elif isinstance(value, ast.Call):
            self._read_made(names[0], value)

    def _read_made(self, name: str, call: ast.Call) -> None:
        function = ast.unparse(call.func)
        if function in _EMPTY:
            dtypes = [ast.unparse(arg) for arg in call.args if isinstance(arg, ast.Attribute)]
            dtype = dtypes[0].removeprefix("torch.") if dtypes else ""
            self._metas[name] = Buffer(name, dtype, _shape(call.args[0]))
        elif function == "reinterpret_tensor" and isinstance(call.args[0], ast.Name):
            self._alias(name, call.args[0].id)
            dtype = self.buffer(call.args[0].id).dtype
            self._metas[name] = Buffer(name, dtype, _shape(call.args[1]))
        else:
            self._read_call(call, (name,))

    def _read_call(self, call: ast.Call, made: tuple[str, ...]) -> None:
        function = ast.unparse(call.func)
        kernel = self.kernels.get(function.removesuffix(".run"))
        if kernel is not None:
            self._add_generated(function.removesuffix(".run"), kernel, call)
        elif function == "assert_size_stride" and isinstance(call.args[0], ast.Name):
            self._learn_shape(call.args[0].id, _shape(call.args[1]))
        elif function in self.bodies:
            self._read_body(self.bodies[function])
        elif function.startswith(("extern_kernels.", "torch.ops.", "aten.", "inductor_ops.")):
            self._add_extern(function, call, made)

    def _add_generated(self, name: str, kernel: _Kernel, call: ast.Call) -> None:
        roles = [
            (buffer and replace(buffer, dtype=buffer.dtype or dtype), role)
            for buffer, (role, dtype) in zip(
                map(self._argument, call.args), kernel.roles, strict=False
            )
        ]
        self.calls.append(
            KernelCall(
                name,
                self._handle(call.lineno),
                kernel.kind,
                kernel.source,
                tuple(buffer for buffer, role in roles if buffer and "r" in role),
                tuple(buffer for buffer, role in roles if buffer and "w" in role),
            )
        )

    def _add_extern(self, function: str, call: ast.Call, made: tuple[str, ...]) -> None:
        out = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
        read = [*call.args, *(each.value for each in call.keywords if each.arg != "out")]
        reads = [self._argument(each) for part in read for each in _tensors(part)]
        writes = [*map(self._argument, out), *(self.buffer(name) for name in made)]
        self.calls.append(
            KernelCall(
                _operator(function),
                self._handle(call.lineno),
                _extern_kind(function),
                "",
                tuple(buffer for buffer in reads if buffer),
                tuple(buffer for buffer in writes if buffer),
            )
        )

    def _argument(self, argument: ast.expr) -> Buffer | None:
        """The buffer behind an argument, in the shape that the kernel sees it."""
        if isinstance(argument, ast.Name):
            return self.buffer(argument.id)
        if isinstance(argument, ast.Call) and ast.unparse(argument.func) == "reinterpret_tensor":
            inner = self._argument(argument.args[0])
            return inner and Buffer(inner.name, inner.dtype, _shape(argument.args[1]))
        return None

    def _example_dtype(self, name: str) -> str:
        return self._examples[name].dtype if name in self._examples else ""

    def _alias(self, name: str, other: str) -> None:
        self._root[name] = self._resolve(other)
        if other in self._metas:
            self._metas[name] = self._metas[other]

    def _resolve(self, name: str) -> str:
        return self._root.get(name, name)

    def _learn_shape(self, name: str, shape: Shape) -> None:
        """Stated of inputs, and after a call of what the call has made."""
        if name in self._metas:
            return
        self._metas[name] = Buffer(name, "", shape)
        root = self._resolve(name)
        if self.calls and any(each.name == root for each in self.calls[-1].writes):
            self._metas.setdefault(root, self._metas[name])

    def _handle(self, line: int) -> str:
        """The comment between the last call and this one."""
        above = self._lines[self._last_line : line]
        self._last_line = line
        found = [match[1] for match in map(_HANDLES.search, above) if match]
        return found[-1].split(",")[-1].strip() if found else ""


def is_copy(call: KernelCall, inputs: Collection[str]) -> bool:
    """Whether a C++ kernel only moves inputs of the graph, such as weights, into another layout."""
    reads, writes = (sorted(map(_text, each)) for each in (call.reads, call.writes))
    return (
        bool(writes)
        and reads == writes
        and all(each.name in inputs for each in call.reads)
        and call.kind == "C++/OpenMP"
        and not any(_COMPUTED.search(right) for right in _ASSIGNED.findall(call.source))
    )


def _text(buffer: Buffer) -> str:
    return f"{buffer.dtype} {buffer.shape}"


def _extern_kind(function: str) -> str:
    if function.startswith("extern_kernels."):
        return "extern"
    for prefix, kind in _LIBRARIES.items():
        if function.startswith(f"torch.ops.{prefix}."):
            return kind
    return "fallback"


def _operator(function: str) -> str:
    """``extern_kernels.addmm`` and ``torch.ops.aten.addmm.default`` are ``aten.addmm``."""
    plain = function.removeprefix("torch.ops.").removesuffix(".default")
    plain = plain.replace("extern_kernels.", "aten.").replace("inductor_ops.", "inductor.")
    return "aten.addmm" if plain == "aten.bias_addmm" else plain


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _names(item)
    elif isinstance(target, ast.Call) and ast.unparse(target.func) == "reinterpret_tensor":
        yield from _names(target.args[0])


def _returned(value: ast.expr) -> Iterator[str]:
    """One name for each result, "" for what is no tensor."""
    for item in value.elts if isinstance(value, ast.Tuple | ast.List) else (value,):
        yield next(_names(item), "")


def _tensors(argument: ast.expr) -> list[ast.expr]:
    return list(argument.elts) if isinstance(argument, ast.List) else [argument]


def _shape(node: ast.expr) -> Shape:
    """A tuple of numbers; a dimension that is an expression stays a symbol's text."""
    if not isinstance(node, ast.Tuple):
        return None
    return tuple(
        item.value
        if isinstance(item, ast.Constant) and isinstance(item.value, int)
        else ast.unparse(item)
        for item in node.elts
    )
