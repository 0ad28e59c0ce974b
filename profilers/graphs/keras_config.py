"""A Keras model's configuration (JSON) as a `Graph`: one node per layer, in a scope of its own.

Source: keras/src/models/functional.py and sequential.py (Keras 3), and the same of Keras 2, whose
HDF5 files write the layers' calls as nested lists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.keras_input_guess import guessed_shape
from profilers.profile import Graph, NodeKind, StringPool

_MOST_LAYERS = 100_000
_DEEPEST_MODEL = 32
_LONGEST_NAME = 10_000
_LONGEST_TEXT = 200
_LONGEST_LIST = 16
_WEIGHT_NAMES: dict[str, tuple[str, ...]] = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Conv1D": ("kernel", "bias"),
    "Conv2D": ("kernel", "bias"),
    "Conv3D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "DepthwiseConv2D": ("kernel", "bias"),
    "Embedding": ("embeddings",),
    "LayerNormalization": ("gamma", "beta"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
}


@dataclass(frozen=True)
class KerasWeight:
    """One stored weight: names of its layer from the outside in and of itself, "0" if only numbered."""

    path: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class KerasInput:
    """One input as the configuration states it.

    `rows` is the size of the smallest embedding that it indexes, 0 if none. It is `guessed` where
    the model only tells the shape that it was built for, or was never built.
    """

    name: str
    dtype: str
    shape: Shape
    rows: int = 0
    guessed: bool = False


@dataclass(frozen=True)
class KerasModel:
    graph: Graph
    inputs: tuple[KerasInput, ...]


def read_keras_config(config: Any, weights: Sequence[KerasWeight], pool: StringPool) -> KerasModel:
    """Layers, their calls and weights.

    Parameters
    ----------
    config : dict
        ``{"class_name": ..., "config": {...}}`` of the model. A subclassed model tells only the
        layers that appear in it, without their connections.
    weights : sequence of KerasWeight
    pool : StringPool

    Raises
    ------
    ValueError
        If it is no model configuration, or is absurdly large or deep.
    """
    inner = config.get("config") if isinstance(config, dict) else None
    if not isinstance(inner, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError("its configuration describes no Keras model")
    reader = _Reader(GraphBuilder(pool))
    part = reader.read_model(config, ())
    reader.add_outputs(part.exits)
    reader.add_weights(weights)
    inputs = tuple(reader.inputs(part)) or _built_for(config)
    return KerasModel(reader.builder.build(), inputs)


def _built_for(config: dict[str, Any]) -> tuple[KerasInput, ...]:
    """The input of a model that lists no input layers, as far as it remembers being built."""
    built = config.get("build_config")
    shape = _shape(built.get("input_shape")) if isinstance(built, dict) else None
    return () if shape is None else (KerasInput("input", "float32", shape, guessed=True),)


def layer_configs(value: Any) -> Iterator[dict[str, Any]]:
    """Every serialised object inside a configuration: a dict with a class name."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


@dataclass
class _Part:
    """Where tensors enter and leave a layer or a nested model."""

    entries: list[int]
    exits: list[int]


@dataclass(frozen=True)
class _Layer:
    name: str
    class_name: str
    config: dict[str, Any]
    calls: Any
    built_for: Any

    @classmethod
    def of(cls, entry: Any, number: int) -> "_Layer":
        if not isinstance(entry, dict):
            raise ValueError("a layer in its configuration is no object")
        config = entry.get("config")
        config = config if isinstance(config, dict) else {}
        name = str(entry.get("name") or config.get("name") or f"layer_{number}")
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"a layer has a name of {len(name):,} characters")
        built = entry.get("build_config")
        built_for = built.get("input_shape") if isinstance(built, dict) else None
        return cls(
            name,
            str(entry.get("class_name") or "Layer")[:_LONGEST_TEXT],
            config,
            entry.get("inbound_nodes"),
            built_for,
        )


class _Reader:
    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self._rows: dict[tuple[str, ...], int] = {}
        self._classes: dict[tuple[str, ...], str] = {}
        self._layers: dict[int, str] = {}  # class by node
        self._inputs: dict[int, KerasInput] = {}
        self._table_rows: dict[int, int] = {}  # input_dim of the embedding, by node
        self._readers: dict[int, list[int]] = {}

    def read_model(self, entry: dict[str, Any], scope: tuple[tuple[str, str], ...]) -> _Part:
        """A model's layers and the tensors between them."""
        if len(scope) > _DEEPEST_MODEL:
            raise ValueError(f"its models are nested more than {_DEEPEST_MODEL} deep")
        config = entry["config"]
        listed = config.get("layers")
        if not isinstance(listed, list):
            known = [item for item in layer_configs(config) if _is_layer(item)]
            return self._unconnected(known, scope)
        layers = [_Layer.of(item, number) for number, item in enumerate(listed)]
        if any(layer.calls is not None for layer in layers):
            return self._functional(config, layers, scope)
        return self._sequential(config, layers, scope)

    def _unconnected(self, known: list[Any], scope: tuple[tuple[str, str], ...]) -> _Part:
        for number, item in enumerate(known):
            self._add(_Layer.of(item, number), scope)
        return _Part([], [])

    def _functional(
        self, config: dict[str, Any], layers: list[_Layer], scope: tuple[tuple[str, str], ...]
    ) -> _Part:
        parts = {layer.name: self._add(layer, scope) for layer in layers}
        for layer in layers:
            for number, tensor in enumerate(_tensors(layer.calls)):
                source = parts.get(tensor.layer)
                target = parts[layer.name]
                if source and source.exits and target.entries:
                    self._connect(
                        source.exits[tensor.index % len(source.exits)],
                        target.entries[number % len(target.entries)],
                        tensor,
                    )
        return _Part(
            [
                row
                for t in _tensors(config.get("input_layers"))
                for row in _rows(parts, t, "entries")
            ],
            [
                row
                for t in _tensors(config.get("output_layers"))
                for row in _rows(parts, t, "exits")
            ],
        )

    def _sequential(
        self, config: dict[str, Any], layers: list[_Layer], scope: tuple[tuple[str, str], ...]
    ) -> _Part:
        if layers and layers[0].class_name != "InputLayer":
            given = layers[0].config.get("batch_input_shape", config.get("build_input_shape"))
            start = {"batch_shape": given, "dtype": layers[0].config.get("dtype")}
            layers = [_Layer("input", "InputLayer", start, None, None), *layers]
        parts = [self._add(layer, scope) for layer in layers]
        for before, after, layer, source in zip(
            parts, parts[1:], layers[1:], layers[:-1], strict=False
        ):
            if before.exits and after.entries:
                shape = _shape(layer.built_for)
                tensor = _Tensor(source.name, 0, "", shape)
                self._connect(before.exits[0], after.entries[0], tensor)
        return _Part(
            parts[0].entries if parts else [],
            parts[-1].exits if parts else [],
        )

    def _add(self, layer: _Layer, scope: tuple[tuple[str, str], ...]) -> _Part:
        inside = (*scope, (layer.name, layer.class_name))
        if isinstance(layer.config.get("layers"), list):
            return self.read_model({"config": layer.config}, inside)
        path = tuple(name for name, _ in inside)
        if len(self._rows) >= _MOST_LAYERS:
            raise ValueError(f"it has more than {_MOST_LAYERS:,} layers")
        given = layer.class_name == "InputLayer"
        row = self._rows[path] = self.builder.node(
            "/".join(path),
            layer.class_name,
            kind=NodeKind.INPUT if given else NodeKind.OPERATOR,
            scope=self.builder.scope(inside),
            attributes=_attributes(layer.config),
        )
        self._classes[path] = self._layers[row] = layer.class_name
        if given:
            shape = layer.config.get("batch_shape", layer.config.get("batch_input_shape"))
            self._inputs[row] = KerasInput(layer.name, dtype_of(layer.config), _shape(shape))
        rows = layer.config.get("input_dim")
        if layer.class_name == "Embedding" and isinstance(rows, int) and rows > 0:
            self._table_rows[row] = rows
        return _Part([row], [row])

    def _connect(self, source: int, target: int, tensor: "_Tensor") -> None:
        dtype, shape = tensor.dtype, tensor.shape
        if source in self._inputs:
            dtype = dtype or self._inputs[source].dtype
            shape = shape if shape is not None else self._inputs[source].shape
        name = f"{tensor.layer}:{tensor.index}"
        self.builder.edge(source, target, name, dtype, shape)
        self._readers.setdefault(source, []).append(target)

    def add_outputs(self, exits: list[int]) -> None:
        for number, row in enumerate(exits):
            target = self.builder.node(f"output:{number}", "Output", kind=NodeKind.OUTPUT)
            self.builder.edge(row, target)

    def add_weights(self, weights: Sequence[KerasWeight]) -> None:
        """Give each weight to the innermost layer that its path names.

        A subclassed model does not list its layers: those that own weights are added.
        """
        if not self._rows:
            for layer in dict.fromkeys(weight.path[:-1] for weight in weights):
                scope = [(part, "") for part in layer]
                name = "/".join(layer) or "model"
                self._rows[layer] = self.builder.node(
                    name, "Layer", scope=self.builder.scope(scope)
                )
        owned: dict[tuple[str, ...] | None, list[KerasWeight]] = {}
        for weight in weights:
            lengths = range(len(weight.path) - 1, -1, -1)
            prefixes = (weight.path[:length] for length in lengths)
            owner = next((path for path in prefixes if path in self._rows), None)
            owned.setdefault(owner, []).append(weight)
        for owner in sorted(owned, key=lambda path: self._rows[path] if path is not None else -1):
            self._add_parameters(owner, owned[owner])

    def _add_parameters(self, owner: tuple[str, ...] | None, group: list[KerasWeight]) -> None:
        """Those of one layer; numbered ones get their names where the class tells."""
        plain = _WEIGHT_NAMES.get(self._classes.get(owner or (), ""), ())
        numbered = [weight.path for weight in group] == [
            (*(owner or ()), str(index)) for index in range(len(plain))
        ]
        for index, weight in enumerate(group):
            path = (*(owner or ()), plain[index]) if numbered else weight.path
            parameter = self.builder.parameter("/".join(path), weight.dtype, weight.shape)
            if owner is not None:
                self.builder.use(parameter, self._rows[owner])

    def inputs(self, part: _Part) -> Iterator[KerasInput]:
        """In the order in which the model takes them."""
        for row in part.entries:
            if row in self._inputs:
                given = self._inputs[row]
                tables = [self._table_rows.get(node, 0) for node in self._readers.get(row, ())]
                limit = min(filter(None, tables), default=0)
                guess = guessed_shape(row, self._readers, self._layers)
                is_open = given.shape is None and guess is not None
                shape = guess if is_open else given.shape
                yield KerasInput(given.name, given.dtype, shape, limit, is_open)


@dataclass(frozen=True)
class _Tensor:
    """Output `index` of a layer, as another layer's call refers to it."""

    layer: str
    index: int
    dtype: str = ""
    shape: Shape = None


def _tensors(value: Any) -> Iterator[_Tensor]:
    """References in call order: Keras 3 tensors or Keras 2 lists ``[layer, node, output, {}]``."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
            given = item.get("config")
            if isinstance(given, dict) and _is_reference(given.get("keras_history")):
                layer, _, index = given["keras_history"][:3]
                dtype = str(given.get("dtype") or "")
                yield _Tensor(layer, index, dtype, _shape(given.get("shape")))
        elif _is_reference(item):
            yield _Tensor(item[0], item[2])
            waiting.extend(reversed(item[3:]))
        elif isinstance(item, dict):
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _is_reference(item: Any) -> bool:
    return (
        isinstance(item, list)
        and len(item) >= 3
        and isinstance(item[0], str)
        and isinstance(item[1], int)
        and isinstance(item[2], int)
    )


def _rows(parts: dict[str, _Part], tensor: _Tensor, side: str) -> list[int]:
    part = parts.get(tensor.layer)
    rows: list[int] = getattr(part, side) if part else []
    return [rows[tensor.index % len(rows)]] if rows else []


def _is_layer(item: dict[str, Any]) -> bool:
    module = item.get("module")
    return isinstance(module, str) and ".layers" in module and isinstance(item.get("config"), dict)


def dtype_of(config: dict[str, Any]) -> str:
    """The dtype's name, also of a policy object."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else None
    return dtype if isinstance(dtype, str) else ""


def _shape(value: Any) -> Shape:
    if not isinstance(value, list) or not all(s is None or type(s) is int for s in value):
        return None
    return tuple(value)


def _attributes(config: dict[str, Any]) -> dict[str, Any]:
    """Settings of the layer that are plain values."""
    values: dict[str, Any] = {"dtype": dtype_of(config)} if dtype_of(config) else {}
    for key, value in config.items():
        if key in {"name", "dtype", "trainable"} or not _is_plain(value):
            continue
        values[key[:_LONGEST_TEXT]] = value
    return values


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= _LONGEST_LIST and all(type(v) in (int, float) for v in value)
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return isinstance(value, bool | int | float)
