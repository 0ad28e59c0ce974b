"""A TensorFlow function with constants for the variables that it only reads."""

from typing import Any

from profilers.runtimes.tf.written_variables import written_placeholders


def frozen(function: Any) -> Any:
    """The ConcreteFunction; what it writes to stays a variable, and its loops and branches stay."""
    from tensorflow.python.framework import convert_to_constants

    data = convert_to_constants._FunctionConverterDataInEager(
        func=function,
        lower_control_flow=False,
        aggressive_inlining=False,
        variable_names_denylist=written_placeholders(function),
    )
    graph_def, places = convert_to_constants._replace_variables_by_constants(converter_data=data)
    for body in graph_def.library.function:
        _gather_constants(body)
    return convert_to_constants._construct_concrete_function(function, graph_def, places)


def _gather_constants(body: Any) -> None:
    """TensorFlow gives a body constants to look rows up in, and leaves what looks them up as it was."""
    import tensorflow as tf

    given = {each.name for each in body.signature.input_arg if each.type != tf.resource}
    lookups = [each for each in body.node_def if each.op == "ResourceGather"]
    for node in lookups:
        if node.input[0].partition(":")[0] not in given:
            continue
        axis = body.node_def.add(name=f"{node.name}/axis", op="Const")
        axis.attr["dtype"].type = tf.int32.as_datatype_enum
        axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0, tf.int32))
        node.op = "GatherV2"
        node.input.append(f"{axis.name}:output:0")
        node.attr["Tparams"].CopyFrom(node.attr.pop("dtype"))
        node.attr["Taxis"].type = tf.int32.as_datatype_enum
        node.attr.pop("validate_indices", None)
