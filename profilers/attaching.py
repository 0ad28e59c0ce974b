"""Asks for a trace of a running process. Standard library only: a worker reads it too."""

import re

from profilers.errors import TwinscopeError
from profilers.request import RunRequest

MODE = "tf-attach"
LONGEST_S = 120.0

_ADDRESS = re.compile(r"(?:grpc://)?(?P<host>\[[0-9a-fA-F:]+\]|[\w.-]+):(?P<port>\d{1,5})")


def attach_request(address: str, seconds: float) -> RunRequest:
    """Trace what runs at ``host:port`` for a while.

    Raises
    ------
    TwinscopeError
        If the address or the time makes no sense.
    """
    match = _ADDRESS.fullmatch(address.strip())
    if match is None or not 0 < int(match["port"]) < 65536:
        raise TwinscopeError(
            f"Cannot attach to {address.strip() or 'nothing'}",
            "an address is HOST:PORT",
            "Write for example localhost:6009.",
        )
    if not 0 < seconds <= LONGEST_S:
        raise TwinscopeError(
            f"Cannot trace for {seconds:g} s",
            f"a trace lasts more than 0 and at most {LONGEST_S:g} s",
            "Choose another time.",
        )
    where = f"{match['host']}:{match['port']}"
    return RunRequest(where, MODE, limit_s=seconds + 60, options={"seconds": f"{seconds:g}"})
