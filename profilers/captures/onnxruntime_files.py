"""Names of the files in a capture folder of ONNX Runtime, for the one who writes and who reads."""

MODEL_FILE = "model.onnx"  # as written, without its weights
OPTIMISED_FILE = "optimised.onnx"  # as ONNX Runtime runs it, without its weights
PROFILE_FILE = "onnxruntime_profile.json"
