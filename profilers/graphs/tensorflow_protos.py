"""TensorFlow's and XLA's graph messages, declared here so that reading them needs no TensorFlow.

Source: tensorflow/core/framework/{graph,node_def,attr_value,function,op_def,tensor,tensor_shape}.proto
and tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph}.proto; for the messages whose
names begin with Hlo xla/service/hlo.proto and xla/xla_data.proto. Only the fields that are read are
declared; the parser skips the others.
"""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from profilers.graphs.protobuf_scan import check_entries

_PACKAGE = "twinscope.tensorflow"
_MOST_BYTES = 2**31 - 1  # protobuf's own limit
_TOO_LARGE = "it is larger than the 2 GiB that a protobuf message may have"
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "float": _FIELD.TYPE_FLOAT,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}

# message: "number name type"; "*" marks a repeated field, "|" a member of the message's oneof,
# "key>value" a map. Enums are declared as int32, which has the same encoding.
_MESSAGES: dict[str, str] = {
    "GraphDef": "1 node *NodeDef, 2 library FunctionDefLibrary",
    "NodeDef": "1 name string, 2 op string, 3 input *string, 4 device string, "
    "5 attr string>AttrValue, 6 experimental_debug_info DebugInfo",
    "DebugInfo": "1 original_node_names *string, 2 original_func_names *string",
    "AttrValue": "1 list |ListValue, 2 s |bytes, 3 i |int64, 4 f |float, 5 b |bool, 6 type |int32, "
    "7 shape |TensorShape, 8 tensor |Tensor, 9 placeholder |string, 10 func |NameAttrList",
    "ListValue": "2 s *bytes, 3 i *int64, 4 f *float, 5 b *bool, 6 type *int32, "
    "7 shape *TensorShape, 9 func *NameAttrList",
    "NameAttrList": "1 name string",
    "TensorShape": "2 dim *Dimension, 3 unknown_rank bool",
    "Dimension": "1 size int64, 2 name string",
    "Tensor": "1 dtype int32, 2 tensor_shape TensorShape, 4 tensor_content bytes, "
    "7 int_val *int32, 10 int64_val *int64",
    "FunctionDefLibrary": "1 function *FunctionDef",
    "FunctionDef": "1 signature OpDef, 3 node_def *NodeDef, 4 ret string>string, "
    "5 attr string>AttrValue, 7 arg_attr uint32>ArgAttrs",
    "ArgAttrs": "1 attr string>AttrValue",
    "OpDef": "1 name string, 2 input_arg *ArgDef, 3 output_arg *ArgDef",
    "ArgDef": "1 name string, 3 type int32",
    "SavedModel": "1 saved_model_schema_version int64, 2 meta_graphs *MetaGraphDef",
    "MetaGraphDef": "1 meta_info_def MetaInfoDef, 2 graph_def GraphDef, 3 saver_def SaverDef, "
    "4 collection_def string>CollectionDef, 5 signature_def string>SignatureDef, "
    "7 object_graph_def ObjectGraph",
    "MetaInfoDef": "4 tags *string, 5 tensorflow_version string",
    "SaverDef": "1 filename_tensor_name string, 2 save_tensor_name string, 3 restore_op_name string",
    "CollectionDef": "1 node_list NodeList",
    "NodeList": "1 value *string",
    "SignatureDef": "1 inputs string>TensorInfo, 2 outputs string>TensorInfo, 3 method_name string",
    "TensorInfo": "1 name string, 2 dtype int32, 3 tensor_shape TensorShape",
    "ObjectGraph": "1 nodes *SavedObject, 2 concrete_functions string>ConcreteFunction",
    "SavedObject": "1 children *ObjectReference, 4 user_object UserObject, 6 function SavedFunction, "
    "7 variable SavedVariable, 8 bare_concrete_function BareConcreteFunction",
    "ConcreteFunction": "2 bound_inputs *int32",
    "SavedVariable": "1 dtype int32, 2 shape TensorShape, 6 name string",
    "ObjectReference": "1 node_id int32, 2 local_name string",
    "UserObject": "1 identifier string",
    "SavedFunction": "1 concrete_functions *string",
    "BareConcreteFunction": "1 concrete_function_name string",
    "HloProgram": "1 hlo_module HloModule, 3 buffer_assignment HloBufferAssignment",
    "HloModule": "1 name string, 3 computations *HloComputation, 6 entry_computation_id int64",
    "HloComputation": "1 name string, 2 instructions *HloInstruction, 5 id int64, 6 root_id int64",
    "HloInstruction": "1 name string, 2 opcode string, 3 shape HloShape, 7 metadata HloMetadata, "
    "9 parameter_number int64, 11 fusion_kind string, 13 tuple_index int64, 14 dimensions *int64, "
    "15 window HloWindow, 16 convolution_dimension_numbers HloConvolution, "
    "28 custom_call_target string, 30 dot_dimension_numbers HloDot, 35 id int64, "
    "36 operand_ids *int64, 38 called_computation_ids *int64, 43 backend_config bytes, "
    "63 comparison_direction string",
    "HloShape": "2 element_type int32, 3 dimensions *int64, 4 tuple_shapes *HloShape",
    "HloMetadata": "1 op_type string, 2 op_name string, 3 source_file string, 4 source_line int32",
    "HloWindow": "1 dimensions *HloWindowDimension",
    "HloWindowDimension": "1 size int64, 2 stride int64",
    "HloConvolution": "3 kernel_input_feature_dimension int64",
    "HloDot": "1 lhs_contracting_dimensions *int64",
    "HloBufferAssignment": "1 logical_buffers *HloBuffer, 3 buffer_allocations *HloAllocation",
    "HloBuffer": "1 id int64, 2 size int64, 3 defined_at HloBufferLocation",
    "HloBufferLocation": "2 instruction_name string, 4 instruction_id int64",
    "HloAllocation": "2 size int64, 5 is_entry_computation_parameter bool, 7 maybe_live_out bool, "
    "9 assigned *HloAssigned, 12 is_constant bool",
    "HloAssigned": "1 logical_buffer_id int64, 2 offset int64, 3 size int64",
}  # fmt: skip

_MOST_ENTRIES = 2_000_000
_NODES: dict[int, Any] = {
    1: {},
    2: {1: {3: {}}},
}  # of a GraphDef: its nodes, its functions and theirs
_COUNTED: dict[str, dict[int, Any]] = {
    "GraphDef": _NODES,
    "SavedModel": {2: {2: _NODES, 7: {1: {1: {}}}}},  # graphs and saved objects
    "HloProgram": {
        1: {3: {2: {3: {4: {4: {4: {}}}}, 15: {1: {}}}}},  # instructions, their tuples and windows
        3: {1: {}, 3: {9: {}}},
    },
}
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 11: "qint8", 12: "quint8", 13: "qint32",
    14: "bfloat16", 15: "qint16", 16: "quint16", 17: "uint16", 18: "complex128", 19: "float16",
    20: "resource", 21: "variant", 22: "uint32", 23: "uint64", 24: "float8_e5m2",
    25: "float8_e4m3fn", 29: "int4", 30: "uint4",
}  # fmt: skip
_REFERENCE = 100  # a reference type is its type plus this


def dtype_name(value: int) -> str:
    """numpy name of a DataType; "" for DT_INVALID or one that is not known."""
    return _DTYPES.get(value % _REFERENCE, "")


def parse(message: str, data: bytes) -> Any:
    """A message of the named type, e.g. ``parse("GraphDef", data)``.

    Raises
    ------
    ValueError
        If the bytes are cut, too many, or not of that type, or claim absurdly many nodes.
    """
    if len(data) > _MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    check_entries(data, _COUNTED.get(message, {}), _MOST_ENTRIES)
    parsed = new(message)
    try:
        parsed.ParseFromString(data)
    except DecodeError as error:
        raise ValueError("its protobuf encoding is cut or damaged") from error
    return parsed


def parse_file(message: str, path: Path) -> Any:
    """As `parse`; a file that is too large is not read."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(_TOO_LARGE)
    return parse(message, path.read_bytes())


def new(message: str) -> Any:
    """An empty message of the named type."""
    return _message_class(message)()


@cache
def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()  # private: TensorFlow's own may be registered as well
    file = descriptor_pb2.FileDescriptorProto(
        name="twinscope/tensorflow.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        _declare(file.message_type.add(name=name), fields)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _declare(message: descriptor_pb2.DescriptorProto, fields: str) -> None:
    for text in fields.split(", "):
        number, name, type_name = text.split()
        field = message.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
        if ">" in type_name:
            _declare_map(message, field, *type_name.split(">"))
            continue
        if type_name.startswith("*"):
            field.label = _FIELD.LABEL_REPEATED
        elif type_name.startswith("|"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="value")
            field.oneof_index = 0
        _set_type(field, type_name.lstrip("*|"))


def _declare_map(
    message: descriptor_pb2.DescriptorProto,
    field: descriptor_pb2.FieldDescriptorProto,
    key: str,
    value: str,
) -> None:
    entry_name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    for number, (name, type_name) in enumerate((("key", key), ("value", value)), 1):
        _set_type(entry.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL), type_name)
    field.label = _FIELD.LABEL_REPEATED
    field.type = _FIELD.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{message.name}.{entry_name}"


def _set_type(field: descriptor_pb2.FieldDescriptorProto, type_name: str) -> None:
    if type_name in _SCALARS:
        field.type = _SCALARS[type_name]
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{type_name}"
