"""Runs xprof's converters over one trace: ``xprof_child.py TRACE OUT``.

A program of its own, because they are native code that reads what a stranger's file says. It uses
nothing of the rest, so that it runs as a plain file.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TOOLS = (
    "overview_page",
    "input_pipeline_analyzer",
    "framework_op_stats",
    "roofline_model",
    "hlo_stats",
    "kernel_stats",
    "op_profile",
)
_MODULE = ".hlo_proto.pb"  # ends the files that xprof unpacks a trace's HLO modules into
_NO_MODULE = "NO_MODULE"
_MOST_MODULES = 4
_MOST_BYTES = 8 << 30


def _limit_memory() -> None:
    """Where the system can; a trace may ask for anything."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


def main(trace: str, out: str) -> None:
    """Write ``{"version": ..., "tools": [[name, module, JSON], ...]}``; a tool that fails is left out."""
    from xprof.convert import raw_to_tool_data

    raw_to_tool_data.xspace_to_tool_names([trace])  # unpacks the modules
    files = Path(trace).parent.glob(f"*{_MODULE}")
    largest = sorted(files, key=lambda file: (-file.stat().st_size, file.name))
    modules = [file.name.removesuffix(_MODULE) for file in largest]
    calls: list[tuple[str, str]] = [(tool, "") for tool in _TOOLS]
    calls += [("memory_viewer", m) for m in modules[:_MOST_MODULES] if m != _NO_MODULE]
    found = []
    for tool, module in calls:
        options: dict[str, Any] = {"module_name": module} if module else {}
        try:
            data, _ = raw_to_tool_data.xspace_to_tool_data([trace], tool, options)
            found.append([tool, module, json.loads(data)])
        except (
            Exception
        ) as error:  # a converter raises whatever it likes for traces it is not made for
            print(tool, error, file=sys.stderr)
    Path(out).write_text(json.dumps({"version": version("xprof"), "tools": found}))


if __name__ == "__main__":
    _limit_memory()
    main(sys.argv[1], sys.argv[2])
