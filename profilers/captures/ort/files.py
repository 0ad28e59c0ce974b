"""Names in a capture of ONNX Runtime, for the one who writes and who reads."""

MODEL_FILE = "model.onnx"  # as written, without its weights
OPTIMISED_FILE = "optimised.onnx"  # as ONNX Runtime runs it, without its weights
PROFILE_FILE = "onnxruntime_profile.json"
PROVIDERS_FILE = (
    "providers.json"  # what each execution provider took, where others than the CPU ran
)
CPU = "CPUExecutionProvider"


def short_name(provider: str) -> str:
    """ "OpenVINO" of "OpenVINOExecutionProvider"."""
    return provider.removesuffix("ExecutionProvider")
