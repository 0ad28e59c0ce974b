"""Floating-point operations of HLO instructions from their shapes.

A multiplication and an addition count as two. Formulas: xla/service/hlo_cost_analysis.cc
(HandleDot, HandleConvolution), with windows counted whole where they reach over the border.
"""

import math
from typing import Any

from profilers.graphs.hlo_program import dimensions_of
from profilers.profile import UNKNOWN


def instruction_flops(instruction: Any, operands: list[Any]) -> int:
    """FLOPs of one call; UNKNOWN for what is no contraction.

    Parameters
    ----------
    instruction : HloInstruction
    operands : list of HloInstruction
        In order.
    """
    made, shapes = dimensions_of(instruction.shape), [dimensions_of(o.shape) for o in operands]
    if made is None or len(shapes) < 2 or shapes[0] is None or shapes[1] is None:
        return UNKNOWN
    if instruction.opcode == "dot":
        contracted = instruction.dot_dimension_numbers.lhs_contracting_dimensions
        return _twice(made, [shapes[0][d] for d in contracted if 0 <= d < len(shapes[0])])
    if instruction.opcode == "convolution":
        feature = instruction.convolution_dimension_numbers.kernel_input_feature_dimension
        window = [dimension.size for dimension in instruction.window.dimensions]
        return _twice(made, [*window, *shapes[1][feature : feature + 1]])
    return UNKNOWN


def _twice(made: list[int], read: list[int]) -> int:
    """No more than a column of int64 can hold."""
    count = 2 * math.prod(made) * math.prod(read)
    return count if 0 <= count < 2**62 else UNKNOWN
