"""Kernel calls and buffers in the Python wrapper that Inductor generates, torch not needed.

Only the syntax tree of its ``call`` function is read, with the bodies of branches and loops where it
calls them; nothing is executed. What is not understood is left out: the form of this code is no
interface of PyTorch.
"""

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from profilers.graphs.builder import Shape
from profilers.graphs.control_flow import ControlFlow
from profilers.graphs.torch_inductor_kernels import GeneratedKernel, generated_kernels
from profilers.graphs.torch_inductor_syntax import names_in, returned_of, shape_of, tensors_of

_HANDLES = re.compile(r"# \[Provenance debug handles\] (.+)")
_AOT_ID = re.compile(r"# AOT ID: \['(\d+)")
_MARK = re.compile(r'"graph_(\d+)_\w+"')  # where graphs failed before, they count otherwise
_EMPTY = ("empty_strided", "empty_strided_cpu", "empty_strided_cuda", "_empty_strided_cuda")
_LIBRARIES = {"mkldnn": "oneDNN", "onednn": "oneDNN", "mkl": "MKL"}
_ASSIGNED = re.compile(r"auto tmp\d+ = (.*);")
_COMPUTED = re.compile(r"^(?!.*loadu\().*\btmp\d+")  # of another value, not loaded from an array
_CALLS = re.compile(r"call|partition_\d+")
_MOST_BODIES = 10_000  # that are entered; no model has so many


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
        Buffers that are one behind aliases have one name.
    mark : str
        What a trace calls it, "" where the code does not tell.
    body : str
        Function of the branch or the loop that it is in, "" for what always runs.
    """

    name: str
    handle: str
    kind: str
    source: str
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    mark: str = ""
    body: str = ""

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

    `number` is the one in its kernels' names in a trace; of `outputs`, "" is no tensor. A call of
    `firsts` runs first, after each call one of its `followers`, of which `control_flow.END` is the end.
    """

    number: int
    inputs: tuple[Buffer, ...]
    calls: tuple[KernelCall, ...]
    outputs: tuple[str, ...]
    firsts: tuple[int, ...]
    followers: tuple[tuple[int, ...], ...]


def read_inductor_code(text: str) -> InductorCode:
    """The kernel calls of a generated module.

    Raises
    ------
    SyntaxError, ValueError, RecursionError
        If the text is no Python.
    """
    tree = ast.parse(text)
    number = _MARK.search(text) or _AOT_ID.search(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    bodies = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    reader = _Reader(text, generated_kernels(tree), bodies)
    for function in functions:
        if function.name == "get_args":
            reader.read_examples(function.body)
    for function in functions:
        if _CALLS.fullmatch(function.name):
            reader.read_statements(function.body)
    reader.flow.end()
    return InductorCode(
        int(number[1]) if number else 0,
        tuple(reader.buffer(name) for name in reader.inputs),
        tuple(reader.completed(call) for call in reader.calls),
        tuple(reader.outputs),
        reader.flow.firsts(),
        reader.flow.followers(),
    )


@dataclass
class _Reader:
    text: str
    kernels: Mapping[str, GeneratedKernel]
    bodies: Mapping[str, ast.FunctionDef]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    calls: list[KernelCall] = field(default_factory=list)
    flow: ControlFlow = field(default_factory=ControlFlow)

    def __post_init__(self) -> None:
        self._lines = self.text.splitlines()
        self._body, self._entered = "", 0
        self._given: list[str] = []  # what a body is called with
        self._lists: dict[str, list[str]] = {}
        self._others: dict[str, str] = {}  # what another branch made in place of a buffer
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
                self._examples[target.id] = Buffer(target.id, dtype, shape_of(call.args[0]))

    def read_statements(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.With):
                self.read_statements(statement.body)
            elif isinstance(statement, ast.If):
                self._read_branches(statement)
            elif isinstance(statement, ast.While):
                self._read_loop(statement)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                self.outputs += [self._resolve(name) for name in returned_of(statement.value)]
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self._read_assignment(statement.targets[0], statement.value)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._read_call(statement.value, ())

    def _read_branches(self, statement: ast.If) -> None:
        before, known = self.flow.open, set(self._root)
        self.read_statements(statement.body)
        after, first = self.flow.open, dict(self._root)
        self.flow.open = before
        self.read_statements(statement.orelse)
        self.flow.open |= after
        for name in first.keys() - known:
            if self._root[name] != first[name] and self._root[name] not in known:
                self._others[self._root[name]] = first[name]

    def _read_loop(self, statement: ast.While) -> None:
        for _ in range(2):
            before = self.flow.open
            self.read_statements(statement.body)
            self.flow.open |= before

    def _enter(self, call: ast.Call, target: ast.expr) -> None:
        """The statements of a body, in place of its call."""
        self._entered += 1
        if self._entered > _MOST_BODIES or not call.args:
            return
        function = self.bodies[ast.unparse(call.func)]
        outside = self._body, self._given, self.outputs, self._last_line
        self._body, self._given = function.name, self._lists.get(ast.unparse(call.args[0]), [])
        self.outputs, self._last_line = [], function.lineno
        self.read_statements(function.body)
        returned = self.outputs
        self._body, self._given, self.outputs, self._last_line = outside
        names = list(names_in(target))
        for place, made in enumerate(returned):
            name = f"{names[0]}[{place}]" if isinstance(target, ast.Name) else names[place]
            self._alias(name, made)

    def _read_assignment(self, target: ast.expr, value: ast.expr) -> None:
        names = tuple(names_in(target))
        if isinstance(value, ast.Name) and value.id == "args":
            if not self._body:
                self.inputs += names
            for name, given in zip(names, self._given, strict=False):
                self._alias(name, given)
        elif isinstance(value, ast.Call) and ast.unparse(value.func) in self.bodies:
            self._enter(value, target)
        elif len(names) != 1 or names[0] == "args":
            return
        elif isinstance(value, ast.List):
            self._lists[names[0]] = [next(names_in(each), "") for each in value.elts]
        elif isinstance(value, ast.Name):
            self._alias(names[0], value.id)
        elif isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):
            item = ast.unparse(value)
            self._alias(names[0], item if item in self._root else value.value.id)
        elif isinstance(value, ast.Call):
            self._read_made(names[0], value)

    def _read_made(self, name: str, call: ast.Call) -> None:
        function = ast.unparse(call.func)
        if function in _EMPTY:
            dtypes = [ast.unparse(arg) for arg in call.args if isinstance(arg, ast.Attribute)]
            dtype = dtypes[0].removeprefix("torch.") if dtypes else ""
            self._metas[name] = Buffer(name, dtype, shape_of(call.args[0]))
        elif function == "reinterpret_tensor" and isinstance(call.args[0], ast.Name):
            self._alias(name, call.args[0].id)
            dtype = self.buffer(call.args[0].id).dtype
            self._metas[name] = Buffer(name, dtype, shape_of(call.args[1]))
        else:
            self._read_call(call, (name,))

    def _read_call(self, call: ast.Call, made: tuple[str, ...]) -> None:
        function = ast.unparse(call.func)
        kernel = self.kernels.get(function.removesuffix(".run"))
        if kernel is not None:
            self._add_generated(function.removesuffix(".run"), kernel, call)
        elif function == "assert_size_stride" and isinstance(call.args[0], ast.Name):
            self._learn_shape(call.args[0].id, shape_of(call.args[1]))
        elif function.startswith(("extern_kernels.", "torch.ops.", "aten.", "inductor_ops.")):
            self._add_extern(function, call, made)

    def _add_generated(self, name: str, kernel: GeneratedKernel, call: ast.Call) -> None:
        if not self.flow.reach(call.lineno):
            return
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
                self._read([buffer for buffer, role in roles if buffer and "r" in role]),
                tuple(buffer for buffer, role in roles if buffer and "w" in role),
                kernel.mark,
                self._body,
            )
        )

    def _add_extern(self, function: str, call: ast.Call, made: tuple[str, ...]) -> None:
        if not self.flow.reach(call.lineno):
            return
        out = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
        read = [*call.args, *(each.value for each in call.keywords if each.arg != "out")]
        reads = [self._argument(each) for part in read for each in tensors_of(part)]
        writes = [*map(self._argument, out), *(self.buffer(name) for name in made)]
        self.calls.append(
            KernelCall(
                _operator(function),
                self._handle(call.lineno),
                _extern_kind(function),
                "",
                self._read([buffer for buffer in reads if buffer]),
                tuple(buffer for buffer in writes if buffer),
                body=self._body,
            )
        )

    def _read(self, buffers: list[Buffer]) -> tuple[Buffer, ...]:
        """With those of the branch that did not run last."""
        others = [replace(each, name=self._others.get(each.name, "")) for each in buffers]
        return (*buffers, *(each for each in others if each.name))

    def _argument(self, argument: ast.expr) -> Buffer | None:
        """The buffer behind an argument, in the shape that the kernel sees it."""
        if isinstance(argument, ast.Name):
            return self.buffer(argument.id)
        if isinstance(argument, ast.Call) and ast.unparse(argument.func) == "reinterpret_tensor":
            inner = self._argument(argument.args[0])
            return inner and Buffer(inner.name, inner.dtype, shape_of(argument.args[1]))
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
