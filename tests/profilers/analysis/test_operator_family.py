"""What an operator does is read from its own name, not from the module that it stands in."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.operator_family import operator_family
from profilers.profile import SliceKind
from tests.conftest import Capture


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("lstm_1/lower_1/while/body/_1/lstm_cell_1/mul:Mul", "elementwise"),
        ("bn_Conv1_1/batchnorm/Relu6:Relu6", "activation"),
        ("encoder0_mha/query/MatMul:_MklMatMul", "matmul"),
        ("aten::lstm", "recurrent"),
        ("aten::convolution", "convolution"),
        ("com.microsoft:FusedMatMul", "matmul"),
    ],
)
def test_families(name: str, family: str) -> None:
    assert operator_family(name) == family


def test_slices_of_a_recurrent_layer_are_of_their_operators_families(
    capture: Capture, more_files: Path
) -> None:
    profile = capture(more_files / "lstm.keras", "keras")
    slices, strings = profile.trace.slices, profile.strings
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step == 1))
    found = {operator_family(strings[name]) for name in slices.name[rows]}
    assert {"matmul", "activation", "elementwise"} <= found
    assert "recurrent" not in found
