"""Tooltips that show text as it is."""

from html import escape


def plain_tooltip(text: str) -> str:
    """The text for a tooltip, which takes what looks like markup for that: ``Kernel<float>``."""
    if "<" not in text and "&" not in text:
        return text
    lines = "<br>".join(escape(line, quote=False) for line in text.split("\n"))
    return f"<qt>{lines}</qt>"
