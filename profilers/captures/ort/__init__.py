"""Reads what a run by ONNX Runtime left."""
