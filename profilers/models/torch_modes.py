"""The run modes that take a PyTorch module, wherever it comes from."""

MODULE_MODES = ("torch-eager", "torch-compile", "torch-distributed")
