"""What an operator does, whichever framework names it."""

import re
from functools import lru_cache

_FAMILIES: tuple[tuple[str, str], ...] = (
    ("input", r"^(placeholder(_?with_?default|_?v2)?|input|_?arg|parameter)$"),
    ("variable", r"^(var_?handle_?op|variable(_?v2)?)$"),
    ("branch", r"^(higher_order\.)?(cond|(stateless_?)?if)$"),
    ("loop", r"^(higher_order\.)?((stateless_?)?while(_loop)?|loop|scan)$"),
    ("communication", r"all_?reduce|all_?gather|reduce_?scatter|broadcast_?coalesced|nccl|gloo|collective"),
    ("attention", r"attention|sdpa|flash"),
    ("convolution", r"conv(?!ert)|winograd|im2col"),
    ("normalisation", r"(batch|layer|group|instance|rms).?norm|normalization|fusedbatchnorm"),
    ("softmax", r"softmax"),
    ("recurrent", r"lstm|gru|rnn"),
    ("embedding", r"embedding|gather|index_select|^take$"),
    ("matmul", r"matmul|gemm|gemv|addmm|bmm|\bmm\b|linear|dense|fully_?connected|einsum|\bdot\b"),
    ("pooling", r"pool|reduce_window"),
    ("activation", r"relu|gelu|silu|swish|sigmoid|tanh|elu|erf|clip|hardswish|mish|activation"),
    ("reduction", r"\b(reduce_?)?(mean|sum|max|min|prod|argmax|argmin|norm|var|std)\b|reduce"),
    ("elementwise", r"add|sub|mul|div|pow|sqrt|exp|log|neg|abs|where|select|equal|greater|less|bias|squared?\b|\b(gt|ge|lt|le|eq|ne|minimum|maximum)\b"),
    ("copy", r"copy|clone|memcpy|memset|transpose|permute|reshape|view|flatten|squeeze|concat|\bcat\b|split|slice|pad|cast|convert|reorder|expand|identity|\bto\b|contiguous|fill|const|ones_?like|zeros_?like|shape|stop_?gradient|read_?variable"),
)  # fmt: skip
_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _FAMILIES)
_PREFIX = re.compile(
    r"^(aten::|aten\.|prim::|onnx::|torch\.ops\.aten\.|_Mkl|_Fused|com\.microsoft[.:]+)"
)
_OF_NODE = re.compile(r"^[^:\s]+:(?=[A-Za-z_]\w*$)")  # TensorFlow's traces: lstm_1/cell/add:AddV2
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=65536)
def operator_family(name: str) -> str:
    """Family such as "convolution" or "matmul"; an unknown operator is a family of its own.

    The family of a fused operator is that of its heaviest part (FusedConv is a convolution).
    """
    plain = _PREFIX.sub("", _OF_NODE.sub("", name))
    words = _WORDS.sub("_", plain).lower()
    for candidate in (plain.lower(), words.replace("_", " ")):
        for family, pattern in _PATTERNS:
            if pattern.search(candidate):
                return family
    return re.sub(r"[\d.]+", "", words)
