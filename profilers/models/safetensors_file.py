"""safetensors: weights behind a JSON header that lists every tensor."""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profilers.graphs.builder import tensor_bytes
from profilers.graphs.module_tree import ModuleTensor, tensor_graph
from profilers.models.model_file import ModelFile
from profilers.models.torch_modes import MODULE_MODES
from profilers.models.torch_pickle_file import NEEDS_CODE
from profilers.models.torch_zip import refusing_damage
from profilers.probe import Probe
from profilers.profile import Environment, Profile, StringPool

LARGEST_HEADER = 100_000_000  # the limit of the format's reference implementation
_LENGTH = struct.Struct("<Q")
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32",
    "U16": "uint16", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "C64": "complex64",
}  # fmt: skip


def matches(probe: Probe) -> bool:
    head = probe.head
    if len(head) < 16:
        return False
    (length,) = _LENGTH.unpack_from(head)
    start = head[8:].lstrip()
    return (
        2 <= length <= LARGEST_HEADER
        and start.startswith(b"{")
        and (b'"dtype"' in head or b'"__metadata__"' in head or start.startswith(b"{}"))
    )


def inspect(path: Path) -> ModelFile:
    """The table of tensors; there is nothing in the file that could run.

    Raises
    ------
    DamagedFile
        If the header is unsound or the tensors do not lie within the file.
    """
    with refusing_damage(path):
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            (length,) = _LENGTH.unpack(stream.read(8))
            if length + 8 > size:
                raise ValueError(
                    f"it is cut off: {size:,} of {length + 8:,} header bytes are there"
                )
            header = json.loads(stream.read(length))
        facts = header.pop("__metadata__", None) or {}
        tensors = list(_tensors(header, size - 8 - length))
        pool = StringPool()
        graph = tensor_graph(tensors, pool)
        environment = Environment(
            model_name=path.name, facts={str(key): str(value) for key, value in facts.items()}
        )
        return ModelFile(
            path=path,
            kind="safetensors",
            title="safetensors weights",
            framework="torch",
            modes=MODULE_MODES,
            preview=Profile(
                path.name,
                strings=pool.table(),
                graphs=(graph,),
                diagnostics=(NEEDS_CODE,),
                environment=environment,
            ),
            needs_code=True,
        )


def _tensors(header: dict[str, Any], data_bytes: int) -> Iterator[ModuleTensor]:
    for name, entry in header.items():
        shape = tuple(entry["shape"])
        begin, end = entry["data_offsets"]
        if not all(isinstance(length, int) and length >= 0 for length in (*shape, begin, end)):
            raise ValueError(f"the tensor {name} has an impossible shape or place")
        if end > data_bytes:
            raise ValueError(f"it is cut off: the tensor {name} ends beyond the file")
        dtype = _DTYPES.get(entry["dtype"], "")
        if dtype and tensor_bytes(dtype, shape) != end - begin:
            raise ValueError(f"the tensor {name} is not as large as its shape says")
        yield ModuleTensor(name, dtype, shape, name)
