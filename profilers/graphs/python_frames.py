"""Lines of a model's own code in the stack traces that PyTorch keeps with operators."""

import re
from pathlib import PureWindowsPath

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_LIBRARY = re.compile(r"[/\\](site-packages|dist-packages)[/\\]|^torch[/\\]|^<")


def own_line(stack_trace: str) -> str:
    """The innermost line that is no library's, without its folder: "model.py:12"; "" without any."""
    frames = [(found["file"], found["line"]) for found in _FRAME.finditer(stack_trace)]
    own = [frame for frame in frames if not _LIBRARY.search(frame[0])]
    return f"{PureWindowsPath(own[-1][0]).name}:{own[-1][1]}" if own else ""
