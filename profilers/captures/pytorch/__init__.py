"""Reads what a run of a PyTorch model left."""
