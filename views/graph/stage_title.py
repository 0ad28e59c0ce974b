"""What a stage of a graph is called for people."""

_ABBREVIATIONS = frozenset({"hlo"})


def stage_title(stage: str) -> str:
    """ "Authored" of "authored", "HLO" of "hlo"; capitals of a name's own stay."""
    return stage.upper() if stage in _ABBREVIATIONS else f"{stage[:1].upper()}{stage[1:]}"
