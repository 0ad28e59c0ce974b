"""Which globals of a pickle are plain data, which an ordinary model needs, and which are alarming."""

import re
import sys
from collections.abc import Iterable

from profilers.models.model_file import Danger
from profilers.models.pickle_scan import Global

_DTYPES = frozenset({
    "float64", "float32", "float16", "half", "float", "double", "bfloat16", "bool", "uint8",
    "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "complex32", "complex64",
    "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
    "float8_e8m0fnu", "qint8", "quint8", "qint32", "quint4x2", "quint2x4",
    "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
    "per_channel_affine_float_qparams", "strided", "sparse_coo", "Size", "device", "dtype",
    "Tensor",
})  # fmt: skip
# Loading these makes tensors and containers and calls nothing else; the list is the one that
# torch.load(weights_only=True) keeps, with numpy's own arrays.
_PLAIN: dict[str, frozenset[str]] = {
    "torch": _DTYPES,
    "torch.storage": frozenset({"UntypedStorage", "TypedStorage"}),
    "torch.nn.parameter": frozenset({"Parameter", "Buffer"}),
    "torch.serialization": frozenset({"_get_layout"}),
    "torch._tensor": frozenset({"_rebuild_from_type_v2"}),
    "torch._utils": frozenset({
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor",
        "_rebuild_sparse_csr_tensor", "_rebuild_nested_tensor",
        "_rebuild_meta_tensor_no_storage", "_rebuild_device_tensor_from_numpy",
        "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_wrapper_subclass",
    }),
    "collections": frozenset({"OrderedDict", "defaultdict", "Counter", "deque"}),
    "_codecs": frozenset({"encode"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy.core.multiarray": frozenset({"scalar", "_reconstruct"}),
    "numpy._core.multiarray": frozenset({"scalar", "_reconstruct"}),
}  # fmt: skip
_PLAIN_BUILTINS = frozenset({
    "set", "frozenset", "list", "dict", "tuple", "str", "int", "float", "bool", "bytes",
    "bytearray", "complex", "slice", "range", "object",
})  # fmt: skip
_BUILTINS = frozenset({"builtins", "__builtin__"})

# Parts of the standard library whose objects people do keep in checkpoints.
_ORDINARY_STANDARD = frozenset({
    "argparse", "collections", "copyreg", "copy_reg", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "logging", "pathlib", "pathlib._local", "random", "re", "types",
    "typing", "uuid", "_codecs", "__main__",
})  # fmt: skip
_EXECUTING = re.compile(
    r"(commands|urllib2|cloudpickle|dill|joblib|pip|setuptools|distutils|cffi|IPython)(\..*)?"
    r"|numpy\.(testing|f2py|distutils|ctypeslib|lib\.npyio)(\..*)?"
    r"|torch\.(hub|serialization|package|ops|_ops|classes|jit|library|multiprocessing|testing"
    r"|distributed\.(elastic|launch|launcher|rpc|run)|_inductor|_dynamo(?!\.eval_frame)|_C(?!\._nn)"
    r"|utils\.(cpp_extension|model_zoo|collect_env)|fx\.graph_module|fx\._lazy_graph_module)(\..*)?"
)
_EXECUTING_NAMES = frozenset({
    ("torch", "load"), ("torch", "compile"), ("torch.storage", "_load_from_bytes"),
    ("types", "FunctionType"), ("types", "CodeType"), ("functools", "reduce"),
    ("numpy", "load"),
})  # fmt: skip
_STANDARD = sys.stdlib_module_names | {"posix", "nt", "__builtin__"}


def is_plain(found: Global) -> bool:
    """True for tensors, containers and numbers: what a file of weights is made of."""
    if found.module in _BUILTINS:
        return found.name in _PLAIN_BUILTINS
    if found.module == "torch" and found.name.endswith("Storage") and found.name.isidentifier():
        return True
    return found.name in _PLAIN.get(found.module, ())


def is_severe(found: Global) -> bool:
    """True for what no ordinary model needs in order to load."""
    module, _, _ = found.module.partition(".")
    if module in _BUILTINS:
        return not is_plain(found)
    if module in _STANDARD and found.module not in _ORDINARY_STANDARD:
        return True
    if (found.module, found.name) in _EXECUTING_NAMES or _EXECUTING.fullmatch(found.module):
        return True
    # A dotted name reaches through one module into another ("torch.nn", "os.system").
    first, dot, _ = found.name.partition(".")
    return bool(dot) and not first[:1].isupper()


def pickle_dangers(found: Iterable[Global], where: str) -> list[Danger]:
    """What loading a pickle would import and could call: alarming first, then the file's own classes."""
    calls = [item for item in found if not is_plain(item)]
    calls.sort(key=lambda item: (not is_severe(item), item.module.startswith("torch.")))
    return [Danger(str(item), where, is_severe(item)) for item in calls]
