"""Reads what a run by TFLite left."""
