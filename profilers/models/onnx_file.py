"""ONNX models: what they are, which inputs they take and whether they can run. Nothing is executed.

ONNX Runtime executes no code of the file when it loads one: libraries of custom operators are
only ever loaded when a caller names them, and Twinscope names none.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from profilers.errors import DamagedFile
from profilers.graphs.onnx_strip import strip_file
from profilers.graphs.protobuf_wire import read_varint
from profilers.models.model_file import ModelFile
from profilers.probe import Probe
from profilers.profile import Diagnostic, Environment, Profile, Severity, StringPool
from profilers.request import InputSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

_LARGEST_STRIPPED = 64 * 1024 * 1024
_PARSED_WHOLE = 64 * 1024 * 1024  # bytes; of larger files the weights are left out first
_IR_VERSION, _GRAPH = 1, 7  # fields of ModelProto
_VARINT_FIELDS = {1, 5}
_LENGTH_FIELDS = {2, 3, 4, 6, 7, 8, 14, 20, 25, 26}
_HIGHEST_IR = 1000
_BUILT_IN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training")
_RUNTIME_DOMAIN = "com.microsoft"
_PASSES_INDEX_ON = frozenset({"Cast", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"})


class ExternalData(NamedTuple):
    """Where a tensor's bytes lie outside the model file."""

    location: str
    offset: int
    length: int


def matches(probe: Probe) -> bool:
    """An ONNX file has no magic number: its first fields must be those of a ModelProto."""
    return not probe.is_folder and _looks_like_model(memoryview(probe.head))


def inspect(path: Path) -> ModelFile:
    """Graph, inputs and obstacles of an ONNX file.

    Raises
    ------
    DamagedFile
        If the file is cut, is no protobuf, holds no nodes or nests too deep.
    """
    from profilers.graphs.builder import GraphBuilder
    from profilers.graphs.onnx_graph import add_model, with_shapes

    model = _load(path)
    pool = StringPool()
    builder = GraphBuilder(pool)
    add_model(builder, with_shapes(model), _lost_weights(path, model))
    inputs, untyped = _inputs(model.graph)
    cannot_run = (
        untyped
        or ("" if model.graph.output else "its graph has no outputs")
        or _missing_weights(path, model)
        or _foreign_operators(model)
    )
    return ModelFile(
        path,
        "onnx",
        f"ONNX model, opset {_opset(model)}",
        "onnxruntime",
        () if cannot_run else ("onnxruntime",),
        inputs,
        preview=Profile(
            path.stem,
            strings=pool.table(),
            graphs=(builder.build(),),
            diagnostics=tuple(_newer_than_known(model)),
            environment=Environment(model_name=path.name, facts=_facts(model)),
        ),
        cannot_run=cannot_run,
    )


def _looks_like_model(head: memoryview) -> bool:
    """Walk the fields in the head; true when an IR version and a graph came by."""
    position, has_version = 0, False
    try:
        while position < len(head):
            tag, position = read_varint(head, position)
            number, wire_type = tag >> 3, tag & 7
            value, position = read_varint(head, position)
            if wire_type == 0 and number in _VARINT_FIELDS:
                has_version |= number == _IR_VERSION and 0 < value <= _HIGHEST_IR
            elif wire_type == 2 and number in _LENGTH_FIELDS:
                if number == _GRAPH:
                    return has_version and value > 0
                position += value
            else:
                return False
    except ValueError:
        return False
    return False


def _load(path: Path) -> "ModelProto":
    from profilers.graphs.onnx_graph import parse_model

    what, damaged = f"Cannot read the ONNX model {path.name}", "the file is cut or damaged"
    again = "Export or download the model again."
    try:
        is_small = path.stat().st_size <= _PARSED_WHOLE
        stripped = path.read_bytes() if is_small else strip_file(path)
    except ValueError as error:
        raise DamagedFile.because(what, error, damaged, again) from None
    if len(stripped) > _LARGEST_STRIPPED:
        raise DamagedFile(what, "its graph without the weights is larger than 64 MiB")
    try:
        model = parse_model(stripped)
    except ValueError as error:
        raise DamagedFile.because(what, error, damaged, again) from None
    if not model.graph.node:
        raise DamagedFile(what, "its graph has no nodes", again)
    return model


def _inputs(graph: "GraphProto") -> tuple[tuple[InputSpec, ...], str]:
    """What a caller must feed; and why that cannot be made, if an input is no tensor."""
    from profilers.graphs.onnx_nodes import tensor_type, weights_of
    from profilers.models.onnx_shape_guess import guessed_shape

    weights = {weight.name for weight in weights_of(graph)}
    table_sizes = _table_sizes(graph)
    specs, untyped = [], ""
    for value in graph.input:
        if value.name in weights:
            continue
        dtype, shape = tensor_type(value)
        if not dtype:
            untyped = untyped or f"its input {value.name} is {_kind_of(value)}"
            continue
        high = table_sizes.get(value.name) if dtype.startswith(("int", "uint")) else None
        specs.append(
            InputSpec(
                value.name,
                dtype,
                shape if shape is not None else guessed_shape(graph, value.name) or (),
                low=0.0 if high else None,
                high=high,
                guessed=shape is None,
            )
        )
    return tuple(specs), untyped


def _kind_of(value: "ValueInfoProto") -> str:
    kind = (value.type.WhichOneof("value") or "value of no type").removesuffix("_type")
    if kind == "tensor":
        return f"a tensor of a type that is not known here ({value.type.tensor_type.elem_type})"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}, not a tensor"


def _table_sizes(graph: "GraphProto") -> dict[str, float]:
    """Rows of the smallest table that an index input looks up, by input name."""
    rows = {weight.name: weight.dims[0] for weight in graph.initializer if weight.dims}
    source = {value.name: value.name for value in graph.input}
    sizes: dict[str, float] = {}
    for node in graph.node:
        if node.op_type in _PASSES_INDEX_ON and node.input and node.output:
            source[node.output[0]] = source.get(node.input[0], "")
        if node.op_type != "Gather" or len(node.input) < 2 or node.input[0] not in rows:
            continue
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        name = source.get(node.input[1], "")
        if name and axis == 0 and rows[node.input[0]] > 0:
            sizes[name] = min(sizes.get(name, float("inf")), float(rows[node.input[0]]))
    return sizes


def _missing_weights(path: Path, model: "ModelProto") -> str:
    """Why external weights cannot be read, "" if they all can."""
    folder = path.parent.resolve()
    missing: dict[str, None] = {}
    for external in _external_data(model.graph):
        if not external.location:
            return "one of its weights lies in another file, whose name it does not say"
        if external.offset < 0 or external.length < 0:
            return f"it does not say in numbers where in {external.location} a weight lies"
        if _leaves_folder(folder, external.location):
            return (
                f"its weights point outside the model's folder ({external.location}), "
                "which a model from elsewhere must not do"
            )
        file = folder / external.location
        if not file.is_file():
            missing[external.location] = None
        elif file.stat().st_size < external.offset + external.length:
            return f"its weight file {external.location} is cut short"
    if not missing:
        return ""
    return (
        f"its weight files are missing: {', '.join(list(missing)[:5])}. Put them beside the model"
    )


def _lost_weights(path: Path, model: "ModelProto") -> dict[str, str]:
    """Initializers whose values lie in a file that is not there, with a sentence each."""
    folder = path.parent.resolve()
    lost = {}
    for tensor in _tensors(model.graph):
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        if not location:
            continue
        if _leaves_folder(folder, location):
            lost[tensor.name] = f"Its weights lie outside of the model's folder: {location[:200]}."
        elif not (folder / location).is_file():
            lost[tensor.name] = f"Its weights lie in {location[:200]}, which is missing."
    return lost


def _leaves_folder(folder: Path, location: str) -> bool:
    if PurePosixPath(location).is_absolute() or PureWindowsPath(location).is_absolute():
        return True
    return not (folder / location).resolve().is_relative_to(folder)


def _external_data(graph: "GraphProto") -> Iterator[ExternalData]:
    for tensor in _tensors(graph):
        if tensor.external_data:
            entries = {entry.key: entry.value for entry in tensor.external_data}
            yield ExternalData(
                entries.get("location", ""),
                _number(entries.get("offset", "")),
                _number(entries.get("length", "")),
            )


def _number(text: str) -> int:
    """0 if it is not said, -1 if that is no number."""
    return int(text or "0") if not text or (text.isdecimal() and len(text) < 20) else -1


def _tensors(graph: "GraphProto") -> "Iterator[TensorProto]":
    from profilers.graphs.onnx_nodes import bodies_of, weights_of

    yield from weights_of(graph)
    for node in graph.node:
        if not node.attribute:
            continue
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
        for _, body in bodies_of(node):
            yield from _tensors(body)


def _foreign_operators(model: "ModelProto") -> str:
    own = {function.domain for function in model.functions}
    foreign = sorted({domain for domain in _domains(model.graph) if not _is_built_in(domain)} - own)
    if not foreign:
        return ""
    return (
        f"it uses custom operators of {', '.join(foreign[:5])}, which ONNX Runtime lacks; "
        "Twinscope never loads operator libraries. Profile the model that it was exported from."
    )


def _domains(graph: "GraphProto") -> Iterator[str]:
    from profilers.graphs.onnx_nodes import bodies_of

    for node in graph.node:
        yield node.domain
        for _, body in bodies_of(node):
            yield from _domains(body)


def _is_built_in(domain: str) -> bool:
    return domain in _BUILT_IN_DOMAINS or domain.startswith(_RUNTIME_DOMAIN)


def _opset(model: "ModelProto") -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=1)


def _newer_than_known(model: "ModelProto") -> Iterable[Diagnostic]:
    import onnx

    known = onnx.defs.onnx_opset_version()
    if _opset(model) > known:
        yield Diagnostic(
            Severity.WARNING,
            f"The model uses opset {_opset(model)}; shapes and FLOPs are known up to opset {known}.",
            "Update the onnx package, or export for an older opset.",
        )
    if model.ir_version > onnx.IR_VERSION:
        yield Diagnostic(
            Severity.WARNING,
            f"The file's format version is {model.ir_version}; known is up to {onnx.IR_VERSION}.",
            "Update the onnx package.",
        )


def _facts(model: "ModelProto") -> dict[str, str]:
    producer = f"{model.producer_name} {model.producer_version}".strip()
    facts = {"Opset": str(_opset(model)), "IR version": str(model.ir_version)}
    return {**facts, "Producer": producer} if producer else facts
