"""How nodes of a GraphDef refer to each other; workers read this too, so it needs no protobuf of ours."""

INPUTS = frozenset({"Placeholder", "PlaceholderWithDefault", "PlaceholderV2", "_Arg"})


def split_input(text: str) -> tuple[str, str, int]:
    """Node, output name and index of ``node``, ``node:1`` or, in functions, ``node:output:1``."""
    name, *rest = text.split(":")
    index = rest[-1] if rest else "0"
    return name, rest[0] if len(rest) == 2 else "", int(index) if index.isdecimal() else 0
