"""What loading a Keras configuration would call: Lambda code and classes that are not Keras's own."""

import sys
from collections.abc import Iterator
from typing import Any

from profilers.graphs.keras_config import layer_configs
from profilers.models.model_file import Danger

_OWN_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "keras_hub")
_ACTIVATIONS = frozenset({  # of Keras, which layers name without more
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu",
    "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
    "threshold",
})  # fmt: skip
_FUNCTIONS = frozenset({"function", "builtin_function_or_method"})


def config_dangers(config: Any, where: str) -> tuple[Danger, ...]:
    """Dangers of a configuration, `where` naming the member or attribute that holds it."""
    return tuple(dict.fromkeys(_dangers(config, where)))


def _dangers(config: Any, where: str) -> Iterator[Danger]:
    has_lambda_layer = any(item["class_name"] == "Lambda" for item in layer_configs(config))
    for item in layer_configs(config):
        class_name = item["class_name"]
        module = item.get("module")
        registered = item.get("registered_name")
        inner = item.get("config")
        name = inner.get("name", "") if isinstance(inner, dict) else ""
        place = f"layer {name} in {where}" if name else where
        for activation in named_activations(item):
            if activation not in _ACTIVATIONS:
                yield Danger(f"the function {activation:.200}", place)
        if class_name == "Lambda":
            yield Danger(f"Lambda layer {name!r}: Python code stored in the file", where, True)
        elif class_name == "__lambda__" and not has_lambda_layer:
            yield Danger("Python byte code stored in the file", where, True)
        elif class_name in _FUNCTIONS and module == "builtins":
            yield Danger(f"the function {inner!s:.200}", place)
        elif isinstance(module, str) and module and not _is_own(module):
            severe = module.split(".")[0] in sys.stdlib_module_names
            yield Danger(f"{module}.{class_name}", place, severe)
        elif isinstance(registered, str) and (">" in registered or _has_no_module(item)):
            yield Danger(f"the class registered as {registered}", place)


def named_activations(item: dict[str, Any]) -> Iterator[str]:
    """Functions that a layer of Keras's own names by nothing but their name."""
    module, inner = item.get("module"), item.get("config")
    if isinstance(inner, dict) and (
        module is None or (isinstance(module, str) and _is_own(module))
    ):
        for key, value in inner.items():
            if key.endswith("activation") and isinstance(value, str):
                yield value


def _has_no_module(item: dict[str, Any]) -> bool:
    """Keras 3 names the module of all that is its own."""
    return "module" in item and item["module"] is None


def _is_own(module: str) -> bool:
    return any(module == own or module.startswith(f"{own}.") for own in _OWN_MODULES)
