"""The XSpace message of TensorFlow's and JAX's profilers, declared here so that no TensorFlow is needed.

Source: tsl/profiler/protobuf/xplane.proto. Only the fields that are read are declared; the parser
skips the others. A line's events are declared as bytes: millions of them are read as columns
(`profilers.traces.xplane_wire`), and one by one only where somebody looks at them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_PACKAGE = "twinscope.xplane"
_REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
_TYPES = {
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}

# message: (field, number, type); "*" marks a repeated field, "|" a member of the message's oneof.
MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "XSpace": (
        ("planes", 1, "*XPlane"),
        ("errors", 2, "*string"),
        ("warnings", 3, "*string"),
        ("hostnames", 4, "*string"),
    ),
    "XPlane": (
        ("id", 1, "int64"),
        ("name", 2, "string"),
        ("lines", 3, "*XLine"),
        ("event_metadata", 4, "*EventMetadataEntry"),
        ("stat_metadata", 5, "*StatMetadataEntry"),
        ("stats", 6, "*XStat"),
    ),
    "EventMetadataEntry": (("key", 1, "int64"), ("value", 2, "XEventMetadata")),
    "StatMetadataEntry": (("key", 1, "int64"), ("value", 2, "XStatMetadata")),
    "XLine": (
        ("id", 1, "int64"),
        ("name", 2, "string"),
        ("timestamp_ns", 3, "int64"),
        ("events", 4, "*bytes"),  # each an XEvent
        ("display_id", 10, "int64"),
        ("display_name", 11, "string"),
    ),
    "XEvent": (
        ("metadata_id", 1, "int64"),
        ("offset_ps", 2, "|int64"),
        ("duration_ps", 3, "int64"),
        ("stats", 4, "*XStat"),
        ("num_occurrences", 5, "|int64"),
    ),
    "XStat": (
        ("metadata_id", 1, "int64"),
        ("double_value", 2, "|double"),
        ("uint64_value", 3, "|uint64"),
        ("int64_value", 4, "|int64"),
        ("str_value", 5, "|string"),
        ("bytes_value", 6, "|bytes"),
        ("ref_value", 7, "|uint64"),
    ),
    "XEventMetadata": (
        ("id", 1, "int64"),
        ("name", 2, "string"),
        ("display_name", 4, "string"),
        ("stats", 5, "*XStat"),
    ),
    "XStatMetadata": (("id", 1, "int64"), ("name", 2, "string")),
}


def parse_space(data: bytes) -> Any:
    """An XSpace message.

    Raises
    ------
    ValueError
        If the bytes are cut or no XSpace.
    """
    return _parsed("XSpace", data)


def parse_plane(data: bytes) -> Any:
    """An XPlane message. Raises ValueError."""
    return _parsed("XPlane", data)


def parse_event(data: bytes) -> Any:
    """An XEvent message. Raises ValueError."""
    return _parsed("XEvent", data)


def parse_event_metadata(data: bytes) -> Any:
    """An XEventMetadata message. Raises ValueError."""
    return _parsed("XEventMetadata", data)


def plane_texts(plane: Any) -> list[tuple[str, str]]:
    """Names and values of a plane's own stats that are text."""
    if not plane.stats:
        return []
    names = {entry.key: entry.value.name for entry in plane.stat_metadata}
    return [
        (names.get(stat.metadata_id, ""), stat.str_value or names.get(stat.ref_value, ""))
        for stat in plane.stats
        if stat.WhichOneof("value") in ("str_value", "ref_value")
    ]


def message_classes(messages: Mapping[str, tuple[tuple[str, int, str], ...]]) -> dict[str, Any]:
    """A class for each described message.

    They live in a pool of their own: TensorFlow registers the same names in the common one.
    """
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(
        name="twinscope/xplane.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in messages.items():
        _declare(file.message_type.add(name=name), fields)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in messages
    }


@cache
def _classes() -> dict[str, Any]:
    return message_classes(MESSAGES)


def _parsed(name: str, data: bytes) -> Any:
    message = _classes()[name]()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ValueError(str(error) or "the bytes are no protobuf message") from error
    return message


def _declare(
    message: descriptor_pb2.DescriptorProto, fields: tuple[tuple[str, int, str], ...]
) -> None:
    for name, number, type_name in fields:
        base = type_name.lstrip("*|")
        field = message.field.add(name=name, number=number)
        field.label = _REPEATED if type_name.startswith("*") else field.LABEL_OPTIONAL
        if base in _TYPES:
            field.type = _TYPES[base]
        else:
            field.type = field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{base}"
        if type_name.startswith("|"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="value")
            field.oneof_index = 0
