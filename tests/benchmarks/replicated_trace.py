"""Large traces made from a real one: the same text again and again, later and with other ids."""

import re
from pathlib import Path

_NUMBERS = re.compile(
    rb'"ts": (\d+(?:\.\d+)?)|"correlation": (\d+)|"External id": (\d+)|"id": (\d+)'
)


def replicate(text: bytes, path: Path, least_bytes: int) -> int:
    """Write a Kineto trace of at least `least_bytes`; gives how often the original is in it.

    Times move on by the original's length with each copy, correlations and flow ids by its largest.
    Metadata stays as it is, once.
    """
    begin = text.index(b"[", text.index(b'"traceEvents"')) + 1
    end = text.index(b"}", text.rfind(b"Record Window End")) + 1
    head, tail = text[:begin], text[end:]
    metadata = text.rindex(b"{", 0, text.index(b'"name": "process_name"'))
    events, rest = text[begin:metadata].rstrip().rstrip(b","), text[metadata:end]
    pieces, numbers, at = [], [], 0
    for found in _NUMBERS.finditer(events):
        group = found.lastindex or 1
        pieces.append(events[at : found.start(group)])
        numbers.append((found[group], group == 1))
        at = found.end(group)
    times = [int(number.split(b".")[0]) for number, is_time in numbers if is_time]
    length_us = max(times) - min(time for time in times if time) + 1000
    largest = max(int(number) for number, is_time in numbers if not is_time) + 1
    copies = -(-least_bytes // len(events))
    with path.open("wb") as file:
        file.write(head)
        for copy in range(copies):
            for piece, (number, is_time) in zip(pieces, numbers, strict=True):
                whole, point, fraction = number.partition(b".")
                shift = copy * (length_us if is_time else largest)
                file.write(b"%b%d%b%b" % (piece, int(whole) + shift, point, fraction))
            file.write(events[at:] + b",\n")
        file.write(rest + tail)
    return copies
