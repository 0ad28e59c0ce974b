"""Reads the C++ code that an AOTInductor package carries: inputs, weights, kernels, buffers between.

The code is that of ``torch._inductor.codegen.cpp_wrapper_cpu``; what has another form is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.torch_flops import torch_flops
from profilers.profile import UNKNOWN, Graph, NodeKind, StringPool

_CONSTANT = re.compile(
    r"constants_info_\[(?P<row>\d+)\]\.(?P<key>name|dtype|shape|original_fqn) = (?P<value>[^;]*);"
)
_INPUT = re.compile(r'inputs_info_\[\d+\]\.name = "(?P<name>\w+)";')
_EXPECTED = re.compile(
    r"int32_t (?P<name>\w+)_expected_dtype = aoti_torch_dtype_(?P<dtype>\w+)\(\)"
)
_SIZE = re.compile(r"if \((?P<size>\d+) != (?P<name>\w+)_size\[(?P<axis>\d+)\]\)")
_ANY_SIZE = re.compile(r"\b(?P<name>\w+)_size\[(?P<axis>\d+)\]")
_BODY = re.compile(r"AOTInductorModel::run_impl\(.*?\n\} // AOTInductorModel::run_impl", re.DOTALL)
_STATEMENT = re.compile(
    r"^\s*(?:AOTI_TORCH_ERROR_CODE_CHECK\()?(?:"
    r"(?P<kernel>(?:cpp_|triton_|call_triton_|aoti_torch_(?:cpu|cuda|xpu|mps)_)\w+)\((?P<arguments>.*)"
    r"|aoti_torch_empty_strided\(\d+, (?P<sizes>\w+), \w+, cached_torch_dtype_(?P<dtype>\w+), .*"
    r"&(?P<made>\w+)_handle\)"
    r"|static constexpr int64_t (?P<array>\w+)\[\] = \{(?P<values>[^}]*)\}"
    r"|auto (?P<alias>\w+) = (?P<aliased>[^;]*);"
    r"|output_handles\[(?P<place>\d+)\] = (?P<output>\w+)"
    r")",
    re.MULTILINE,
)
_WRITTEN = re.compile(r"\((?P<const>const )?\w+\*\)\((?P<name>\w+)\.data_ptr\(\)\)")
_HANDLE = re.compile(r"&(?P<name>\w+)_handle")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_DTYPES = {"half": "float16", "uint8": "uint8"}


@dataclass(frozen=True)
class PackageInput:
    """An input as the package checks it; `None` is a size that may vary."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass
class _Flow:
    makers: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, tuple[str, Shape]] = field(default_factory=dict)  # dtype and shape of a buffer
    arrays: dict[str, tuple[int, ...]] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)


def package_inputs(text: str) -> tuple[PackageInput, ...]:
    """The inputs in order, as far as the code checks them."""
    dtypes = {match["name"]: match["dtype"] for match in _EXPECTED.finditer(text)}
    sizes = {
        (match["name"], int(match["axis"])): int(match["size"]) for match in _SIZE.finditer(text)
    }
    ranks: dict[str, int] = {}
    for match in _ANY_SIZE.finditer(text):
        name, axis = match["name"], int(match["axis"])
        ranks[name] = max(ranks.get(name, 0), axis + 1)
    return tuple(
        PackageInput(
            name,
            _dtype(dtypes[name]),
            tuple(sizes.get((name, axis)) for axis in range(ranks.get(name, 0))),
        )
        for name in (match["name"] for match in _INPUT.finditer(text))
        if name in dtypes
    )


def read_package_code(text: str, pool: StringPool) -> Graph:
    """A node for each kernel call in the order of the code, with the buffers between them as edges."""
    builder, flow = GraphBuilder(pool), _Flow()
    for values in _constants(text).values():
        name = values.get("name", "")
        shape = tuple(_numbers(values.get("shape", "")))
        row = builder.parameter(
            values.get("original_fqn") or name, _dtype(_last_word(values.get("dtype", ""))), shape
        )
        flow.weights[name] = row
        flow.kinds[name] = (_dtype(_last_word(values.get("dtype", ""))), shape)
    for each in package_inputs(text):
        flow.makers[each.name] = builder.node(each.name, "input", kind=NodeKind.INPUT)
        flow.kinds[each.name] = (each.dtype, each.shape)
    body = _BODY.search(text)
    outputs: dict[int, str] = {}
    for number, match in enumerate(_STATEMENT.finditer(body[0] if body else "")):
        if match["kernel"]:
            _add_call(builder, flow, match["kernel"], match["arguments"], number)
        elif match["made"]:
            shape = flow.arrays.get(match["sizes"], ())
            flow.kinds[match["made"]] = (_dtype(match["dtype"]), shape)
        elif match["array"]:
            flow.arrays[match["array"]] = tuple(_numbers(match["values"]))
        elif match["alias"]:
            _add_alias(flow, match["alias"], match["aliased"])
        else:
            outputs[int(match["place"])] = match["output"]
    _add_output(builder, flow, outputs)
    return builder.build()


def _add_call(builder: GraphBuilder, flow: _Flow, kernel: str, arguments: str, number: int) -> None:
    written = _written(kernel, arguments)
    read = [
        word
        for word in dict.fromkeys(_WORD.findall(arguments))
        if word in flow.weights or word in flow.makers
    ]
    made = flow.kinds.get(written[0], ("", None))[1] if written else None
    shapes = [flow.kinds.get(name, ("", None))[1] for name in read if name not in written]
    row = builder.node(
        f"{kernel.removeprefix('call_')}:{number}",
        kernel.removeprefix("call_"),
        flops=_flops(kernel, shapes, made),
    )
    for name in read:
        if name in flow.weights:
            builder.use(flow.weights[name], row)
        elif name not in written or flow.makers[name] >= 0:
            builder.edge(flow.makers[name], row, name, *flow.kinds.get(name, ("", None)))
    for name in written:
        flow.makers[name] = row


def _written(kernel: str, arguments: str) -> list[str]:
    """Buffers that the call fills: what is no constant pointer, a handle, or an ``_out`` argument."""
    pointers = [match["name"] for match in _WRITTEN.finditer(arguments) if not match["const"]]
    handles = [match["name"] for match in _HANDLE.finditer(arguments)]
    if pointers or handles:
        return pointers + handles
    first = _WORD.match(arguments)
    return [first[0]] if first and kernel.endswith("_out") else []


def _add_alias(flow: _Flow, alias: str, text: str) -> None:
    """The same memory under another name, such as a view of a buffer."""
    for word in _WORD.findall(text):
        if word in flow.makers:
            flow.makers[alias] = flow.makers[word]
            flow.kinds.setdefault(alias, flow.kinds.get(word, ("", None)))
            return
        if word in flow.kinds and word not in flow.weights:
            flow.kinds.setdefault(alias, flow.kinds[word])
            return


def _add_output(builder: GraphBuilder, flow: _Flow, outputs: Mapping[int, str]) -> None:
    row = builder.node("output", "output", kind=NodeKind.OUTPUT)
    for _, name in sorted(outputs.items()):
        if name in flow.makers:
            builder.edge(flow.makers[name], row, name, *flow.kinds.get(name, ("", None)))


def _constants(text: str) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for match in _CONSTANT.finditer(text):
        found.setdefault(int(match["row"]), {})[match["key"]] = match["value"].strip('"')
    return found


def _flops(kernel: str, inputs: list[Shape], output: Shape) -> int:
    """Of an operator that is called as it is: ``aoti_torch_cpu_addmm_out`` is addmm."""
    match = re.fullmatch(r"aoti_torch_[a-z]+_(?P<name>\w+?)(?:_out)?", kernel)
    return torch_flops(match["name"], inputs, output) if match else UNKNOWN


def _numbers(text: str) -> Iterator[int]:
    return (int(number) for number in re.findall(r"\d+", text))


def _last_word(text: str) -> str:
    return text.removeprefix("cached_torch_dtype_")


def _dtype(name: str) -> str:
    return _DTYPES.get(name, name)
