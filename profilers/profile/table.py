"""Columnar tables: frozen dataclasses whose fields are read-only numpy columns of equal length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Int8 = NDArray[np.int8]
UInt8 = NDArray[np.uint8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


def column(dtype: str, refers: str = "") -> Any:
    """Declare a column of a `Table`.

    Parameters
    ----------
    dtype : str
        numpy type string such as ``"i8"``.
    refers : str
        What the values are row numbers of: "strings", "slices", "tracks", "steps", "groups",
        "graphs", "allocations", "authored" (nodes of the authored graph), "authored parameters", or,
        within a graph, "nodes", "scopes", "subgraphs", "parameters". See
        `profilers.profile.references`.
    """
    return field(metadata={"dtype": np.dtype(dtype), "refers": refers})


@dataclass(frozen=True, eq=False)
class Table:
    """Base of every table: columns are cast to their declared dtype, checked and made read-only.

    Raises
    ------
    ValueError
        If the columns differ in length or cannot be cast without loss of kind.
    """

    def __post_init__(self) -> None:
        length = -1
        for spec in fields(self):
            values = np.ascontiguousarray(getattr(self, spec.name), dtype=spec.metadata["dtype"])
            if values.ndim != 1:
                raise ValueError(f"column {spec.name} is not one-dimensional")
            if length not in (-1, len(values)):
                raise ValueError(f"column {spec.name} has {len(values)} rows, not {length}")
            length = len(values)
            if values.flags.writeable:
                values = values.view()
                values.flags.writeable = False
            object.__setattr__(self, spec.name, values)

    def __len__(self) -> int:
        # Asked in loops: unfolding a box of 6,250 takes 48 ms so, and 60 by way of `fields`.
        return len(getattr(self, next(iter(self.__dataclass_fields__))))

    @classmethod
    def dtypes(cls) -> dict[str, np.dtype[Any]]:
        """Column names in order, with their dtypes."""
        return {spec.name: spec.metadata["dtype"] for spec in fields(cls)}

    @classmethod
    def empty(cls) -> Self:
        return cls(**{name: np.empty(0, dtype) for name, dtype in cls.dtypes().items()})

    @classmethod
    def of(cls, **columns: NDArray[Any]) -> Self:
        """Build from columns of any dtype that casts to the declared one."""
        return cls(**columns)

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[Any]]) -> Self:
        """Build from row tuples in column order; for small tables and tests."""
        names = cls.dtypes()
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        return cls(
            **{
                name: np.array(values, dtype)
                for (name, dtype), values in zip(names.items(), columns, strict=True)
            }
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            **{
                name: np.concatenate(
                    [np.empty(0, dtype), *(getattr(part, name) for part in parts)], dtype=dtype
                )
                for name, dtype in cls.dtypes().items()
            }
        )

    def columns(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in self.dtypes()}

    def take(self, rows: NDArray[Any]) -> Self:
        """The given rows (indices or a boolean mask) as a new table."""
        return type(self)(**{name: values[rows] for name, values in self.columns().items()})

    def replace(self, **columns: NDArray[Any]) -> Self:
        """A copy with some columns exchanged."""
        return type(self)(**{**self.columns(), **columns})
