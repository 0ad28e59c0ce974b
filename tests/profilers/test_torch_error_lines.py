"""What is told of PyTorch's own errors."""

import pytest

from profilers.runtimes.pytorch.errors import first_line


def test_of_a_compiler_that_gave_up_its_own_error_is_told() -> None:
    torch = pytest.importorskip("torch")
    from torch._dynamo.exc import BackendCompilerFailed

    def gives_up(graph: object, inputs: object) -> None:
        raise AttributeError("module 'triton' has no attribute '__version__'")

    with pytest.raises(BackendCompilerFailed) as caught:
        torch.compile(lambda x: x + 1, backend=gives_up)(torch.ones(2))
    told = first_line(caught.value)
    assert told == "AttributeError: module 'triton' has no attribute '__version__'"
