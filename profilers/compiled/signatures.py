"""Names for array types in compiled signatures."""

from numba import types


def _array(kind: types.Type, readonly: bool = False) -> types.Array:
    return types.Array(kind, 1, "C", readonly=readonly)


U8, U32, U64 = _array(types.uint8), _array(types.uint32), _array(types.uint64)
F64, B1 = _array(types.float64), _array(types.boolean)
READ_U32 = _array(types.uint32, readonly=True)
I16, I32, I64 = _array(types.int16), _array(types.int32), _array(types.int64)
TEXT = _array(types.uint8, readonly=True)
READ_I16 = _array(types.int16, readonly=True)
READ_I32, READ_I64 = _array(types.int32, readonly=True), _array(types.int64, readonly=True)

STRINGS = (I32, I64, I32, U64, U8)
PAIRS = (I32, I64)
SLICES = (I64, I64, I32, I32, I32, I64, I64, I32)
FLOWS = (I64, I32, I32, I64, U8)
OTHERS = (I64, I32, I32, I32, I64, I64, I32, U8)
