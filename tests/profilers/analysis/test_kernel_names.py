"""Short names of kernels, as they stand in real traces."""

import pytest

from profilers.analysis.kernel_names import short_kernel_name

ADD = "at::native::CUDAFunctorOnSelf_add<long>"
SIGMOID = "at::native::sigmoid_backward_kernel_cuda(at::TensorIteratorBase&)::{lambda()#2}"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (
            f"void at::native::vectorized_elementwise_kernel<4, {ADD}, at::detail::Array<char*, 2> >"
            f"(int, {ADD}, at::detail::Array<char*, 2>)",
            "vectorized_elementwise_kernel<CUDAFunctorOnSelf_add>",
        ),
        (
            f"void at::native::elementwise_kernel<128, 2, at::native::gpu_kernel_impl<{SIGMOID}>>(int)",
            "elementwise_kernel<sigmoid_backward_kernel_cuda>",
        ),
        (
            "void cutlass::Kernel<cutlass_80_tensorop_s1688gemm_64x64_32x4_nn_align1>(int)",
            "Kernel<cutlass_80_tensorop_s1688gemm_64x64_32x4_nn_align1>",
        ),
        (
            "std::enable_if<!(false), void>::type internal::gemvx::kernel<int, float>(int)",
            "gemvx::kernel",
        ),
        (
            "void (anonymous namespace)::softmax_warp_forward<float, float, float, 8, false>(float*)",
            "softmax_warp_forward",
        ),
        (
            "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
            "ncclDevKernel_AllReduce_Sum_f32_RING_LL",
        ),
    ],
)
def test_the_function_and_what_it_computes_are_kept(name: str, short: str) -> None:
    assert short_kernel_name(name) == short


@pytest.mark.parametrize(
    "name",
    ["ampere_sgemm_64x64_nn", "aten::add", "Memcpy HtoD (Pinned -> Device)", "a<<<<b>>(", "", "("],
)
def test_what_is_no_template_stays_as_it_is(name: str) -> None:
    assert short_kernel_name(name) == name
