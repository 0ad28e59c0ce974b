"""Names in a capture of ONNX Runtime, for the one who writes and who reads."""

MODEL_FILE = "model.onnx"  # as written, without its weights
OPTIMISED_FILE = "optimised.onnx"  # as ONNX Runtime runs it, without its weights
PROFILE_FILE = "onnxruntime_profile.json"
PROVIDERS_FILE = (
    "providers.json"  # what each execution provider took, where others than the CPU ran
)
DEVICE_TRACE_FILE = "device_trace.json"  # what a GPU did, as PyTorch's profiler writes it
RUN_MARK = "twinscope.run"  # the range there of each run
CPU = "CPUExecutionProvider"
ON_CUDA = "CUDAExecutionProvider"


def short_name(provider: str) -> str:
    """ "OpenVINO" of "OpenVINOExecutionProvider"."""
    return provider.removesuffix("ExecutionProvider")
