"""Tensors as a PyTorch pickle describes them: dtype, shape and storage, without their data."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from profilers.graphs.builder import tensor_bytes

_STORAGE_DTYPES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "int8", "QUInt8Storage": "uint8", "QInt32Storage": "int32",
    "UntypedStorage": "uint8",
}  # fmt: skip
_MOST_ELEMENTS = 2**58


class ImpossibleTensor(ValueError):
    """No tensor can have this shape or size."""


@dataclass(frozen=True)
class Storage:
    """A block of the file that tensors view."""

    dtype: str  # numpy name, "" if the file names a storage class that is not known
    key: str
    elements: int

    @property
    def bytes(self) -> int:
        return max(tensor_bytes(self.dtype, (self.elements,)), 0)


@dataclass(eq=False)
class Tensor:
    """A tensor or parameter of the file, and where its data lies."""

    dtype: str
    shape: tuple[int, ...]
    place: tuple[str, int] | None = None  # storage and offset within it, None without data

    @property
    def identity(self) -> Hashable:
        """Equal for two tensors that are one: the same elements under two names."""
        return id(self) if self.place is None else (*self.place, self.shape)


def storage_of(identity: Any) -> Storage | None:
    """The storage that a persistent id names: ``("storage", class, key, device, elements)``."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        return None
    if not isinstance(identity[4], int):
        raise ImpossibleTensor("a storage has no size")
    dtype = _STORAGE_DTYPES.get(getattr(identity[1], "name", ""), "")
    return Storage(dtype, str(identity[2])[:100], identity[4])


def _shape(size: Any) -> tuple[int, ...]:
    sizes = tuple(size)
    elements = 1
    for length in sizes:
        if not isinstance(length, int) or length < 0:
            raise ImpossibleTensor("a tensor has an impossible shape")
        elements *= length
        if elements > _MOST_ELEMENTS:
            raise ImpossibleTensor("a tensor is larger than any memory")
    return sizes


def _place(storage: Any, offset: Any) -> tuple[str, int] | None:
    if not isinstance(storage, Storage) or not isinstance(offset, int):
        return None
    return storage.key, offset


def _tensor(storage: Any, offset: Any, size: Any, *rest: Any) -> Tensor:
    return Tensor(getattr(storage, "dtype", ""), _shape(size), _place(storage, offset))


def _tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *rest: Any
) -> Tensor:
    return Tensor(getattr(dtype, "name", ""), _shape(size), _place(storage, offset))


def _meta_tensor(dtype: Any, size: Any, *rest: Any) -> Tensor:
    return Tensor(getattr(dtype, "name", ""), _shape(size))


def _parameter(data: Any, *rest: Any) -> Any:
    return data


def _from_type(function: Any, new_type: Any, args: Any, state: Any) -> Any:
    maker = REBUILDERS.get((getattr(function, "module", ""), getattr(function, "name", "")))
    return maker(*args) if maker is not None else None


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    return {key: value for key, value in pairs if isinstance(key, (str, int))}


def _default_dict(factory: Any = None, *rest: Any) -> dict[Any, Any]:
    return {}


REBUILDERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered_dict,
    ("collections", "defaultdict"): _default_dict,
    ("torch", "Size"): _shape,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_v3,
    ("torch._utils", "_rebuild_qtensor"): _tensor,
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _meta_tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _from_type,
}
