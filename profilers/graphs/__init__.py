"""Readers of model graphs: bytes of one format in, a `Graph` out, nothing executed.

Used for the preview of a model file and for what a capture folder holds.
"""
