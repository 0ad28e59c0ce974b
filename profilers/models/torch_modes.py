"""Which run modes take what a PyTorch file holds, the best first."""

MODULE_MODES = (
    "torch-eager",
    "torch-compile",
    "torch-export",
    "torchscript",
    "torch-onnxruntime",
    "torch-aoti",
    "torch-distributed",
)
PROGRAM_MODES = ("torch-export", "torch-compile", "torch-onnxruntime", "torch-aoti")
PACKAGE_MODES = ("torch-aoti",)
