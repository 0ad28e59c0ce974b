"""Which instructions the kernels of a recorded program ran; names as XLA gives them on a GPU."""

from profilers.captures.xla.command_buffers import Launched, aligned


def program(*names: str, library: str = "") -> list[Launched]:
    return [Launched(name, name == library) for name in names]


def test_a_kernel_that_runs_again_is_the_next_instruction_of_its_kind() -> None:
    instructions = program("loop_add_fusion.2", "gemm_fusion_dot.6", "loop_add_fusion", "tail")
    kernels = ["loop_add_fusion_2", "gemm_fusion_dot_6", "loop_add_fusion_2", "tail"]
    assert aligned(kernels, instructions, {}) == [each.name for each in instructions]


def test_kernels_of_a_loop_are_told_by_their_names_every_time() -> None:
    instructions = program("copy.1", "while.3", "wrapped_add", library="copy.1")
    bodies = {"loop_tanh_fusion_1": "loop_tanh_fusion.1"}
    kernels = ["loop_tanh_fusion_1", "memcpy32_post", "loop_tanh_fusion_1", "wrapped_add"]
    found = aligned(kernels, instructions, bodies)
    assert found[0] == found[2] == "loop_tanh_fusion.1"
    assert found[3] == "wrapped_add"
    assert "while.3" not in found  # a loop itself runs no kernel


def test_a_librarys_kernels_lie_between_the_neighbours_of_its_call() -> None:
    instructions = program("a_fusion", "cublas-gemm.1", "b_fusion", library="cublas-gemm.1")
    kernels = ["a_fusion", "sm90_xmma_gemm_f32", "splitKreduce_kernel", "b_fusion"]
    assert aligned(kernels, instructions, {}) == [
        "a_fusion", "cublas-gemm.1", "cublas-gemm.1", "b_fusion"
    ]  # fmt: skip


def test_what_cannot_be_told_is_left_open() -> None:
    instructions = program("a_fusion", "b_fusion.1", "b_fusion.2")
    assert aligned(["b_fusion_7", "a_fusion"], instructions, {}) == ["", "a_fusion"]
