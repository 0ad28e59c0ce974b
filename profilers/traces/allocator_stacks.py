"""Call stacks of allocator events, each frame and each stack kept once, as text on demand."""

import json
from dataclasses import dataclass, field
from typing import Any

from profilers.profile.table import Int32, Int64

_MOST_FRAMES = 200
_LONGEST_TEXT = 300
_PYTHON = 3
_OPERATORS = (("torch::autograd::generated::", 2), ("at::_ops::", 1))


@dataclass
class Stacks:
    """Numbers stacks and frames; both are shared objects in most snapshots, and known by identity.

    Whatever is given must stay alive as long as more is added.
    """

    _frames: list[str] = field(default_factory=list)
    _ranks: list[int] = field(default_factory=list)  # how well a frame tells who asked
    _frame_of_text: dict[str, int] = field(default_factory=dict)
    _frame_of_id: dict[int, int] = field(default_factory=dict)
    _stacks: list[tuple[int, ...]] = field(default_factory=list)
    _row_of_stack: dict[tuple[int, ...], int] = field(default_factory=dict)
    _row_of_id: dict[int, int] = field(default_factory=dict)

    def row(self, frames: Any) -> int:
        """Number of a list of frames, the innermost first; -1 for none."""
        if not isinstance(frames, list) or not frames:
            return -1
        known = self._row_of_id.get(id(frames))
        if known is None:
            stack = tuple(self._frame(each) for each in frames[:_MOST_FRAMES])
            known = self._row_of_stack.setdefault(stack, len(self._stacks))
            if known == len(self._stacks):
                self._stacks.append(stack)
            self._row_of_id[id(frames)] = known
        return known

    def text(self, row: int) -> str:
        """One frame a line."""
        return "\n".join(self._frames[frame] for frame in self._stacks[row])

    def asker(self, row: int) -> str:
        """The innermost frame of the user's own code, else of any Python code.

        Where there is none, as in a backward pass, the operator of autograd or of ATen.
        """
        if row < 0:
            return ""
        frame = max(self._stacks[row], key=self._ranks.__getitem__)
        text = self._frames[frame]
        return _without_types(text) if 0 < self._ranks[frame] < _PYTHON else text

    def _frame(self, frame: Any) -> int:
        known = self._frame_of_id.get(id(frame))
        if known is None:
            fields = frame if isinstance(frame, dict) else {}
            file, line = clean_text(fields.get("filename")), fields.get("line")
            place = f"{file}:{line}" if isinstance(line, int) else file
            text = f"{clean_text(fields.get('name'))} ({place})"
            known = self._frame_of_text.setdefault(text, len(self._frames))
            if known == len(self._frames):
                self._frames.append(text)
                self._ranks.append(_rank(text, file))
            self._frame_of_id[id(frame)] = known
        return known


@dataclass(frozen=True, eq=False)
class EventArguments:
    """Arguments of allocator slices, written when they are looked at; later slices have none."""

    rows: int  # of all slices
    address: Int64
    size: Int64
    stream: Int64
    stack: Int32
    stacks: Stacks

    def __len__(self) -> int:
        return self.rows

    def text(self, row: int) -> bytes:
        if row >= len(self.address):
            return b""
        told: dict[str, Any] = {
            "address": f"{int(self.address[row]):#x}",
            "bytes": int(self.size[row]),
            "stream": int(self.stream[row]),
        }
        if self.stack[row] >= 0:
            told["Call stack"] = self.stacks.text(int(self.stack[row]))
        return json.dumps(told, ensure_ascii=False).encode()


def _rank(text: str, file: str) -> int:
    """How well a frame tells who asked."""
    if file.endswith(".py") or file.startswith("<"):
        return _PYTHON + ("/torch/" not in file)
    return next((rank for sign, rank in _OPERATORS if sign in text), 0)


def _without_types(text: str) -> str:
    """``ConvolutionBackward0::apply`` of a C++ frame with its namespaces and the types it takes."""
    name = text.replace("(anonymous namespace)", "").partition("(")[0]
    return "::".join(name.split("::")[-2:])


def clean_text(value: Any) -> str:
    """Text of no more than 300 characters that can be written as UTF-8; "?" for what is no text."""
    if not isinstance(value, str):
        return "?"
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
