"""How models are run by ONNX Runtime, converted on the spot where they have to be."""
