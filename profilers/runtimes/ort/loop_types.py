"""Mends a mistake of tf2onnx 1.17: a loop that is handed the number of its rounds as a value, too.

ONNX takes the number as int64, TensorFlow as int32; where it is a constant, the converter hands both
the same one.
"""

from collections.abc import Iterator
from typing import Any


def mend_loops(graph: Any) -> None:
    """Each constant that a loop carries gets the type that the body takes it as."""
    import onnx

    constants = {constant.name: constant for constant in graph.initializer}
    for node in _loops(graph):
        carried = next(each.g for each in node.attribute if each.name == "body").input[2:]
        for place, wanted in enumerate(carried, start=2):
            constant, dtype = constants.get(node.input[place]), wanted.type.tensor_type.elem_type
            if constant is None or constant.data_type == dtype:
                continue
            values = onnx.numpy_helper.to_array(constant)
            name = f"{constant.name}/as_{onnx.TensorProto.DataType.Name(dtype).lower()}"
            if name not in constants:
                values = values.astype(onnx.helper.tensor_dtype_to_np_dtype(dtype))
                constants[name] = onnx.numpy_helper.from_array(values, name)
                graph.initializer.append(constants[name])
            node.input[place] = name


def _loops(graph: Any) -> Iterator[Any]:
    """Those of the graph itself, whose constants are its own."""
    return (node for node in graph.node if node.op_type == "Loop")
