"""Shapes within the bodies of branches and loops, for the sizes of this run."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

_LOOPS = frozenset({"While", "StatelessWhile"})
_BRANCHES = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
_DECIDING_INPUTS = 1  # of a branch: its condition, or its number
_MOST_PASSES = 8  # a pass more for each body whose sizes come of another's
_SHAPES = "_output_shapes"
_MADE_OF_ROWS, _READ = "TensorListFromTensor", "TensorListGetItem"


def has_bodies(graph_def: Any) -> bool:
    return any(node.op in _LOOPS | _BRANCHES for node in graph_def.node)


def with_body_shapes(graph_def: Any) -> Any:
    """The GraphDef with ``_output_shapes`` in its nodes and in its functions, as far as they follow.

    A function was saved for open sizes; where it is called once, it is told those of its caller. A
    loop keeps only sizes that its body hands on as they are.

    Parameters
    ----------
    graph_def : GraphDef
        Its placeholders have the shapes of this run, its other nodes state none. It is changed.
    """
    bodies = _Bodies(graph_def)
    shaped = bodies.settled(graph_def.node, lambda: _imported(graph_def))
    result = shaped.as_graph_def(add_shapes=True)
    result.library.CopyFrom(graph_def.library)
    return result


def _imported(graph_def: Any) -> Any:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
    return graph


class _Bodies:
    """The functions of a graph that are called from one place only."""

    def __init__(self, graph_def: Any) -> None:
        library = {each.signature.name: each for each in graph_def.library.function}
        calls = _calls(graph_def.node, library)
        self._own = {name: each for name, each in library.items() if calls[name] == 1}
        self._as_saved = {name: _without_open_shapes(each) for name, each in self._own.items()}
        self._listed: dict[str, Any] = {}  # shapes of a list's elements, by function and argument
        self._home = _imported(type(graph_def)(library=graph_def.library))

    def settled(self, nodes: Sequence[Any], build: Callable[[], Any]) -> Any:
        """The graph that `build` makes of the nodes, once branches and loops have their shapes."""
        graph = build()
        for _ in range(_MOST_PASSES):
            told = [self._tell(node, graph) for node in nodes if node.op in _LOOPS | _BRANCHES]
            if not any(told):
                break
            graph = build()
        return graph

    def _tell(self, node: Any, graph: Any) -> bool:
        """Write what a branch or loop gives into its node; whether that is news."""
        operation = graph.get_operation_by_name(node.name)
        given = [tensor.shape for tensor in operation.inputs]
        self._listed |= {
            f"{name}/{place}": element
            for name in _functions(node)
            for place, element in _elements(operation.inputs[_skipped(node) :])
        }
        made = self._loop(node, given) if node.op in _LOOPS else self._branches(node, given)
        known = [tensor.shape for tensor in operation.outputs]
        if made is None or [str(each) for each in made] == [str(each) for each in known]:
            return False
        node.attr["output_shapes"].list.ClearField("shape")
        node.attr["output_shapes"].list.shape.extend(each.as_proto() for each in made)
        return True

    def _branches(self, node: Any, given: Sequence[Any]) -> Sequence[Any] | None:
        found = [self._made(name, given[_skipped(node) :]) for name in _functions(node)]
        known = [each for each in found if each is not None]
        if not found or len(known) < len(found):
            return None
        return [_common(shapes) for shapes in zip(*known, strict=True)]

    def _loop(self, node: Any, given: Sequence[Any]) -> Sequence[Any] | None:
        """The shapes that each round begins with."""
        condition, body = (node.attr[key].func.name for key in ("cond", "body"))
        for _ in range(_MOST_PASSES):
            made = self._made(body, given)
            if made is None:
                return None
            kept = [_common(pair) for pair in zip(given, made, strict=True)]
            if [str(each) for each in kept] == [str(each) for each in given]:
                self._made(condition, given)
                return given
            given = kept
        return None

    def _made(self, name: str, given: Sequence[Any]) -> Sequence[Any] | None:
        """Shapes of a function's results; what is within it is told its own."""
        from tensorflow.core.framework.types_pb2 import DT_RESOURCE
        from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

        function = self._own.get(name)
        if function is None:
            return None
        function.CopyFrom(self._as_saved[name])
        self._state_elements(function)
        arguments = function.signature.input_arg
        shapes = [
            None if argument.type == DT_RESOURCE else shape.as_proto()
            for argument, shape in zip(arguments, given, strict=True)
        ]

        def build() -> Any:
            with self._home.as_default():
                return function_def_to_graph(function, input_shapes=shapes)

        graph = self.settled(function.node_def, build)
        for node in function.node_def:
            _write(node.attr, graph.get_operation_by_name(node.name).outputs)
        for number, (tensor, shape) in enumerate(zip(graph.inputs, shapes, strict=True)):
            if shape is not None:
                _write(function.arg_attr[number].attr, [tensor])
        return [tensor.shape for tensor in graph.outputs]

    def _state_elements(self, function: Any) -> None:
        """What is read of a list that the caller made; inference loses it on the way into a body."""
        name = function.signature.name
        places = {each.name: at for at, each in enumerate(function.signature.input_arg)}
        for node in function.node_def:
            place = places.get(node.input[0]) if node.op == _READ else None
            element = self._listed.get(f"{name}/{place}")
            if element is not None:
                attribute = node.attr[_SHAPES].list
                attribute.ClearField("shape")
                attribute.shape.add().CopyFrom(element)


def _skipped(node: Any) -> int:
    """Inputs of a node that its functions are not given."""
    return 0 if node.op in _LOOPS else _DECIDING_INPUTS


def _elements(tensors: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Place and shape of the elements, of each list that is made of the rows of one tensor."""
    for place, tensor in enumerate(tensors):
        if tensor.op.type == _MADE_OF_ROWS and tensor.op.inputs[0].shape.is_fully_defined():
            yield place, tensor.op.inputs[0].shape[1:].as_proto()


def _without_open_shapes(function: Any) -> Any:
    """A copy to infer shapes in: what a node states counts more than what its inputs tell."""
    plain = copy.deepcopy(function)
    stated = [*(node.attr for node in plain.node_def), *(a.attr for a in plain.arg_attr.values())]
    for attributes in stated:
        shapes = attributes[_SHAPES].list.shape if _SHAPES in attributes else ()
        if any(each.unknown_rank or any(d.size < 0 for d in each.dim) for each in shapes):
            del attributes[_SHAPES]
    return plain


def _write(attributes: Any, tensors: Iterable[Any]) -> None:
    attributes[_SHAPES].list.ClearField("shape")
    attributes[_SHAPES].list.shape.extend(tensor.shape.as_proto() for tensor in tensors)


def _common(shapes: Iterable[Any]) -> Any:
    """The sizes that all shapes have, the others open."""
    first, *others = shapes
    for other in others:
        first = first.most_specific_compatible_shape(other)
    return first


def _functions(node: Any) -> Iterator[str]:
    """Names of the functions that a node calls."""
    for value in node.attr.values():
        if value.WhichOneof("value") == "func":
            yield value.func.name
        yield from (each.name for each in value.list.func)


def _calls(nodes: Iterable[Any], library: dict[str, Any]) -> Counter[str]:
    """How many nodes of those that can run name each function."""
    counts: Counter[str] = Counter()
    left = list(nodes)
    while left:
        for name in _functions(left.pop()):
            counts[name] += 1
            if counts[name] == 1 and name in library:
                left.extend(library[name].node_def)
    return counts
