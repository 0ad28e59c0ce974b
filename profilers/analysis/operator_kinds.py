"""What an operator computes, in one word for all frameworks: the table of equivalents."""

import re
from functools import lru_cache

_KINDS: tuple[tuple[str, str], ...] = (  # kind, names in lower case with words apart; first wins
    ("communication", r"all reduce|all gather|reduce scatter|nccl|gloo|collective"),
    ("measure", r"^(shape|shape of|size|rank|numel|sym size.*|dim|len|stride)$"),
    ("side", r"read variable|no op|assert|guard|dropout|list ?unpack|getitem|tuple|^profiler"),
    ("block", r"transformer encoder layer|transformer decoder layer"),
    ("attention", r"attention|sdpa|flash"),
    ("upconvolution", r"conv transpose|conv2 ?d ?backprop ?input|conv2d backprop input|transposed conv"),
    ("convolution", r"conv(?!ert)|winograd"),
    ("normalisation", r"(batch|layer|group|instance|rms) ?norm|normalization|fused batch norm"),
    ("softmax", r"softmax"),
    ("recurrent", r"lstm|gru\b|rnn"),
    ("embedding", r"embedding|gather|index select|^take$"),
    ("product", r"mat ?mul|gemm|gemv|addmm|bmm|\bmm\b|linear|dense|fully ?connected|einsum|\bdot\b"),
    ("copy", r"copy|clone|identity|^to\b|transpose|permute|reshape|view|flatten|unflatten|squeeze|cast"
             r"|split|chunk|unbind|slice|select( int| copy)?$|expand|contiguous|reorder|alias|detach"
             r"|stop gradient|\bpad\b|pad v2|padding|crop|tile|repeat|convert|^_?send|^_?recv|arg$"),
    ("concat", r"concat|^cat\b|^pack$|^stack"),
    ("max pooling", r"max ?pool|reduce window max"),
    ("mean", r"avg ?pool|reduce window sum|average ?pool|\bmean\b|reduce mean"),
    ("relu6", r"relu ?6|hardtanh|clip|clamp"),
    ("relu", r"relu"),
    ("gelu", r"gelu|\berfc?\b"),
    ("silu", r"silu|swish"),
    ("sigmoid", r"sigmoid"),
    ("tanh", r"tanh"),
    ("add", r"^(bias )?add( ?n| ?v2)?\b|^sum$|^bias add"),
    ("subtract", r"^r?sub\b"),
    ("multiply", r"^mul\b|multiply"),
    ("divide", r"^(real |true )?div\b"),
    ("square", r"squared difference|^square\b|^pow\b"),
    ("square root", r"sqrt"),
    ("counting", r"range|cumsum"),
    ("branch", r"^cond$|^(stateless )?if$"),
    ("loop", r"while|^loop$|^scan$"),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_PREFIX = re.compile(
    r"^(aten::|aten\.|prim::|prims\.|onnx::|torch\.ops\.aten\.|higher_order\.|_Mkl|com\.microsoft[.:]+)"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_./]+")
_FUSED = re.compile(
    r"fused(?! batch norm)|fusion|^skip|^bias (gelu|softmax|split|dropout)|quick|separable conv"
)

SILENT = frozenset({"copy", "side", "measure", "counting"})  # computes nothing from the data
WORTH = {  # how much an operation tells of a model
    "convolution": 6.0, "upconvolution": 6.0, "product": 6.0, "attention": 5.0, "recurrent": 5.0,
    "block": 5.0, "normalisation": 3.0, "embedding": 3.0, "softmax": 2.0, "max pooling": 2.0,
    "mean": 2.0, "concat": 2.0, "relu": 1.5, "relu6": 1.5, "gelu": 1.5, "silu": 1.5,
    "sigmoid": 1.5, "tanh": 1.5, "add": 1.0,
}  # fmt: skip
WORTH_OF_OTHERS = 0.5
HEAVY = frozenset(
    {"convolution", "upconvolution", "product", "attention", "normalisation", "recurrent",
     "embedding", "block", "softmax"}
)  # fmt: skip
ALONE = frozenset({"convolution", "upconvolution", "product", "embedding"})  # one operator always
WHOLE_LAYERS = frozenset({"block", "attention", "recurrent"})  # may be spelt out in any of these
ACTIVATIONS = frozenset({"relu", "relu6", "gelu", "silu", "sigmoid", "tanh"})


def words_of(operator: str) -> str:
    """``fused batch norm v3`` for FusedBatchNormV3."""
    return _WORDS.sub(" ", _PREFIX.sub("", operator)).lower().strip()


@lru_cache(maxsize=65536)
def operator_kind(operator: str) -> str:
    """``convolution`` for aten.conv2d, Conv2D, Conv and FusedConv; an unknown one is its own kind."""
    words = words_of(operator)
    for kind, pattern in _PATTERNS:
        if pattern.search(words):
            return kind
    return words


@lru_cache(maxsize=65536)
def is_fused(operator: str) -> bool:
    """True where the name says that it does the work of several operators."""
    return bool(_FUSED.search(words_of(operator))) or operator_kind(operator) == "block"


def takes_what_feeds_it(fused: str) -> bool:
    """True for SkipLayerNormalization, which takes in the sum before it; FusedConv what follows."""
    return words_of(fused).startswith(("skip", "separable"))
