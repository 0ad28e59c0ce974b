"""A Keras model on PyTorch as the tree of modules that it is.

Keras's layers are modules there, but none is registered within another, so that neither hooks nor
torch.export see a hierarchy. Each layer gets a module that calls it, named as the layer is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

Packed = Callable[[Sequence[Any]], Any]


class LayerTree:
    """`root` takes the model's inputs one by one.

    Parameters
    ----------
    model : keras.Model
    structure : callable
        Puts inputs into the structure that the model takes.
    device : str
        Keras's name of the device.
    """

    def __init__(self, model: Any, structure: Packed, device: str) -> None:
        import keras

        self._device = device
        self._plain = keras.layers.Layer.__call__
        self._modules: dict[int, Any] = {}
        self._variables: list[tuple[Any, Any, str]] = []  # variable, module that holds it, name
        self._seen: set[int] = set()
        self.root = self._module_of(model, self._root_forward(model, structure))
        self._hold(self.root, model.variables)

    def _root_forward(self, model: Any, structure: Packed) -> Callable[..., Any]:
        import keras

        def forward(root: Any, *inputs: Any) -> Any:
            with keras.device(self._device), self._routed(), self._substituted():
                return self._plain(model, structure(inputs), training=root.training)

        return forward

    def _module_of(self, layer: Any, forward: Callable[..., Any]) -> Any:
        """The module of a layer and of the layers within it; its class goes by the layer's."""
        import torch

        kind = type(type(layer).__name__, (torch.nn.Module,), {"forward": forward})
        module = kind()
        self._modules[id(layer)] = module
        for inner in getattr(layer, "_layers", ()):
            if id(inner) not in self._modules:
                name = _plain_name(inner.name)
                module.add_module(name, self._module_of(inner, self._layer_forward(inner)))
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        self._hold(module, own)
        return module

    def _layer_forward(self, layer: Any) -> Callable[..., Any]:
        def forward(module: Any, *arguments: Any, **named: Any) -> Any:
            return self._plain(layer, *arguments, **named)

        return forward

    def _hold(self, module: Any, variables: Sequence[Any]) -> None:
        """Register the variables that no module holds yet."""
        import torch

        for variable in variables:
            value = variable.value
            if id(variable) in self._seen or not isinstance(value, torch.Tensor):
                continue
            self._seen.add(id(variable))
            name = _free(_plain_name(variable.name), module)
            if isinstance(value, torch.nn.Parameter):
                module.register_parameter(name, value)
            else:
                module.register_buffer(name, value)
            self._variables.append((variable, module, name))

    @contextmanager
    def _routed(self) -> Iterator[None]:
        """While it lasts, a layer that is called is called through its module."""
        import keras

        def call(layer: Any, *arguments: Any, **named: Any) -> Any:
            module = self._modules.get(id(layer))
            if module is None:
                return self._plain(layer, *arguments, **named)
            return module(*arguments, **named)

        keras.layers.Layer.__call__ = call
        try:
            yield
        finally:
            keras.layers.Layer.__call__ = self._plain

    def _substituted(self) -> Any:
        """Where a tracer put tensors of its own in place of the weights, Keras is to use these."""
        import keras

        pairs = [(variable, getattr(module, name)) for variable, module, name in self._variables]
        is_traced = any(given is not variable._value for variable, given in pairs)
        if not is_traced:
            return nullcontext()
        scope = (
            keras.StatelessScope()
        )  # given pairs, it would convert each, which would be recorded
        scope.state_mapping.update({id(variable): given for variable, given in pairs})
        return scope


def _plain_name(name: str) -> str:
    return name.replace(".", "_").replace("/", "_")


def _free(name: str, module: Any) -> str:
    free, number = name, 1
    while hasattr(module, free):
        free, number = f"{name}_{number}", number + 1
    return free
