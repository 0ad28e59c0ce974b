import numpy as np
import pytest

from profilers.profile import SliceKind, Slices, StringPool
from profilers.traces.trace_builder import TraceBuilder


def test_columns_are_cast_checked_and_read_only() -> None:
    empty = Slices.empty()
    columns = {name: np.arange(3) for name in Slices.dtypes()}
    slices = Slices(**columns)
    assert len(empty) == 0
    assert slices.depth.dtype == np.int16
    with pytest.raises(ValueError, match="read-only"):
        slices.start_ns[0] = 1
    with pytest.raises(ValueError, match="rows"):
        Slices(**{**columns, "node": np.arange(2)})


def test_trace_builder_sorts_and_nests() -> None:
    builder = TraceBuilder(StringPool())
    main = builder.track("main")
    inner = builder.slice(main, 5, 2, "inner", SliceKind.OPERATOR)
    outer = builder.slice(main, 0, 10, "outer", SliceKind.OPERATOR)
    after = builder.slice(main, 10, 1, "after")
    builder.flow(outer, after, "launch")
    trace, row_of = builder.build()
    assert trace.slices.start_ns.tolist() == [0, 5, 10]
    assert trace.slices.parent[row_of[inner]] == row_of[outer]
    assert trace.slices.depth.tolist() == [0, 1, 0]
    assert (trace.flows.source[0], trace.flows.target[0]) == (row_of[outer], row_of[after])
