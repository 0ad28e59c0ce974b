"""Hashes that stand for names."""

import hashlib


def hashed(name: str) -> str:
    """Eight letters that stand for a name, the same everywhere."""
    return "x" + hashlib.blake2s(name.encode("utf-8", "surrogatepass")).hexdigest()[:7]
