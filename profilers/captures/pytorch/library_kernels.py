"""Names the libraries that run what a compiler calls as it is, by what the trace shows of them."""

import re

import numpy as np

from profilers.profile import FusionGroups, JsonColumn, SliceKind, Slices, StringPool, StringTable

Rows = np.ndarray[tuple[int], np.dtype[np.intp]]

_CALLED = ("extern", "fallback")
_NOBODY = ("", "")

# Library and primitive by the name of a kernel on the device, the first that fits.
_DEVICE_KERNELS = (
    (r"splitKreduce|reduce_1Block|splitk_reduce", _NOBODY),  # the second half of a product
    (r"flash_fwd|flash_bwd|pytorch_flash", ("FlashAttention", "attention")),
    (r"fmha_cutlass|AttentionKernel|AttentionBackwardKernel", ("CUTLASS", "attention")),
    (r"cudnn.*(?:bn_|batchnorm)", ("cuDNN", "batch norm")),
    (r"cudnn.*(?:fmha|sdpa|flash)", ("cuDNN", "attention")),
    (r"dgrad", ("cuDNN", "data gradient")),
    (r"wgrad", ("cuDNN", "weight gradient")),
    (r"winograd", ("cuDNN", "Winograd convolution")),
    (r"implicit_gemm|implicit_convolve", ("cuDNN", "implicit GEMM")),
    (r"fprop|convolve_common|cudnn.*conv", ("cuDNN", "direct convolution")),
    (r"cudnn", ("cuDNN", "")),
    (r"MIOpen|miopen|igemm_fwd|igemm_bwd|igemm_wrw", ("MIOpen", "convolution")),
    (r"^Cijk_", ("rocBLAS", "GEMM")),
    (r"gemvx|gemv|cublasGemv", ("cuBLAS", "GEMV")),
    (r"gemm|cublas|nvjet|cutlass", ("cuBLAS", "GEMM")),
    (r"\bat::native\b", ("PyTorch", "")),
)  # fmt: skip

# The same by an operator on the CPU that runs inside the call.
_HOST_OPERATORS = (
    (r"^(?:aten::mkldnn_|aten::_mkldnn_|mkldnn::|onednn::)", ("oneDNN", "")),
    (r"^aten::_slow_conv\w+", ("PyTorch", "im2col and GEMM")),
    (r"^aten::_nnpack_spatial_convolution", ("NNPACK", "convolution")),
    (r"^mkl::", ("MKL", "")),
)


_PRODUCTS = {
    "aten.mm": "GEMM",
    "aten.addmm": "GEMM",
    "aten.bmm": "batched GEMM",
    "aten.baddbmm": "batched GEMM",
}
_BY_BLAS = re.compile(rb'"Input type":\s*\["(?:float|double)"')  # lower precisions go elsewhere


def with_libraries(
    groups: FusionGroups, slices: Slices, pool: StringPool, arguments: JsonColumn, blas: str
) -> FusionGroups:
    """Calls of operators are of their library's kind and say which of its primitives ran.

    What Inductor has no code for stays of that kind, with the library in its name.

    Parameters
    ----------
    slices : Slices
        With their groups.
    arguments : JsonColumn
        Of each slice.
    blas : str
        What multiplies matrices on the CPU, "" if nobody knows.
    """
    strings = pool.table()
    names, kinds = groups.name.copy(), groups.kind.copy()
    called = [row for row, kind in enumerate(kinds.tolist()) if strings[kind] in _CALLED]
    rows = np.flatnonzero(np.isin(slices.group, called))
    told = _told(rows, slices, strings)
    for group, row in _first_operators(rows, slices).items():
        primitive = _PRODUCTS.get(strings[int(names[group])])
        if group not in told and primitive and blas and _BY_BLAS.search(arguments.text(row)):
            told[group] = blas, primitive
    for group, (library, primitive) in told.items():
        is_extern = strings[int(kinds[group])] == "extern"
        kinds[group] = pool.add(library) if is_extern and library else kinds[group]
        detail = primitive if is_extern else f"{library} {primitive}".strip()
        if detail:
            names[group] = pool.add(f"{strings[int(names[group])]} ({detail})")
    return groups.replace(name=names, kind=kinds)


def _first_operators(rows: Rows, slices: Slices) -> dict[int, int]:
    """The first operator of each group, unless it launched kernels on a device."""
    on_device = set(slices.group[rows[slices.kind[rows] == SliceKind.KERNEL]].tolist())
    found: dict[int, int] = {}
    for row in rows[slices.kind[rows] == SliceKind.OPERATOR].tolist():
        if (group := int(slices.group[row])) not in on_device:
            found.setdefault(group, row)
    return found


def _told(rows: Rows, slices: Slices, strings: StringTable) -> dict[int, tuple[str, str]]:
    """Library and primitive by group; of several kernels the longest running one tells."""
    found: dict[int, tuple[str, str]] = {}
    order = rows[np.argsort(-slices.duration_ns[rows], kind="stable")]
    for kind, signs in ((SliceKind.KERNEL, _DEVICE_KERNELS), (SliceKind.OPERATOR, _HOST_OPERATORS)):
        own = order[slices.kind[order] == kind]
        known = {
            name: _library(strings[name], signs) for name in np.unique(slices.name[own]).tolist()
        }
        for row in own.tolist():
            library = known[int(slices.name[row])]
            if library != _NOBODY:
                found.setdefault(int(slices.group[row]), library)
    return found


def _library(name: str, signs: tuple[tuple[str, tuple[str, str]], ...]) -> tuple[str, str]:
    return next((told for sign, told in signs if re.search(sign, name)), _NOBODY)
