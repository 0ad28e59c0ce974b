"""What xprof's own converters make of a TensorFlow trace, as reports beside our own figures."""

import json
import logging
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from profilers.captures.xplane.xprof_tables import reports_of
from profilers.graphs.protobuf_wire import field
from profilers.profile import Report
from profilers.traces.xplane_files import unpacked_bytes

logger = logging.getLogger(__name__)

_MOST_SECONDS = 60
_LARGEST_TRACE = 64 << 20  # the converters take some seconds for that
_LARGEST_ANSWER = 256 << 20
_CHILD = Path(__file__).with_name("xprof_child.py")
_MODULES_PLANE = "/host:metadata"
_PROGRAM_STAT = "Hlo Proto"


def xprof_reports(trace: Path, module: Path | None = None) -> tuple[Report, ...]:
    """Reports of a trace; empty where xprof is not installed or makes nothing of it.

    Parameters
    ----------
    trace : Path
        An ``xplane.pb``, also gzip.
    module : Path, optional
        An encoded HloProto that the trace lacks.
    """
    if find_spec("xprof") is None or trace.stat().st_size > _LARGEST_TRACE:
        return ()
    data = unpacked_bytes(trace)
    if len(data) > _LARGEST_TRACE:
        return ()
    if module is not None:
        data += _plane_of(module.read_bytes())
    told = _converted(data)
    return () if told is None else tuple(reports_of(told))


def _converted(data: bytes) -> Any:
    """The answer of the child process, None if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        trace, answer = Path(folder) / "host.xplane.pb", Path(folder) / "answer.json"
        trace.write_bytes(data)
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_CHILD), str(trace), str(answer)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_MOST_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            logger.warning("xprof's converters did not run: %s", error)
            return None
        if done.returncode or not answer.is_file() or answer.stat().st_size > _LARGEST_ANSWER:
            logger.warning("xprof's converters failed: %s", done.stderr[-2000:])
            return None
        return json.loads(answer.read_bytes())


def _plane_of(module: bytes) -> bytes:
    """A plane with an HLO module, to be put behind an encoded XSpace.

    Field numbers of tsl/profiler/protobuf/xplane.proto: XSpace.planes 1; XPlane.name 2,
    event_metadata 4, stat_metadata 5; XEventMetadata.id 1, name 2, stats 5; XStat.metadata_id 1,
    bytes_value 6; XStatMetadata.id 1, name 2; of a map's entry key 1, value 2.
    """
    first = field(1, 1)
    stat = first + field(6, module)
    event = first + field(2, b"module(1)") + field(5, stat)
    name = first + field(2, _PROGRAM_STAT.encode())
    plane = (
        field(2, _MODULES_PLANE.encode())
        + field(4, first + field(2, event))
        + field(5, first + field(2, name))
    )
    return field(1, plane)
