"""Lists of loops, whose sizes a saved graph leaves open where the batch is, for the batch of a run."""

from typing import Any

from profilers.runtimes.tf.sources import Source

_SHAPE_AT = {  # place of the elements' shape among the inputs
    "TensorListReserve": 0,
    "EmptyTensorList": 0,
    "TensorListFromTensor": 1,
    "TensorListStack": 1,
}


def with_batch(source: Source) -> Any | None:
    """The frozen function with lists of the batch's size; None if its inputs do not tell one."""
    from tensorflow.python.eager.wrap_function import function_from_graph_def
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    batches = {spec.shape[0] for spec in source.inputs if spec.shape}
    if len(batches) != 1:
        return None
    frozen = convert_variables_to_constants_v2(source.function, lower_control_flow=False)
    graph_def = frozen.graph.as_graph_def()
    _fill(graph_def, batches.pop())
    given, made = ([each.name for each in part] for part in (frozen.inputs, frozen.outputs))
    return function_from_graph_def(graph_def, given, made)


def _fill(graph_def: Any, batch: Any) -> None:
    """Only where the first size of a list's elements is the one that is left open."""
    import tensorflow as tf

    by_name = {node.name: node for node in graph_def.node}
    shapes = [
        by_name[node.input[_SHAPE_AT[node.op]].partition(":")[0]]
        for node in graph_def.node
        if node.op in _SHAPE_AT
    ]
    for constant in (each for each in shapes if each.op == "Const"):
        held = constant.attr["value"].tensor
        sizes = tf.make_ndarray(held)
        if sizes.ndim == 1 and [*(sizes < 0)] == [True] + [False] * (len(sizes) - 1):
            held.CopyFrom(tf.make_tensor_proto([batch, *sizes[1:]], sizes.dtype))
