"""Our figures per node as an attachment for Netron, which shows them beside the opened model.

Format: JSON that Netron 7 and later takes when it is dropped onto a model: ``signature``
"netron:attachment" and a list of ``metrics``, each with the kind and name of its target. Nodes of a
TFLite file have no names there and are told by their number. Netron takes an attachment where the
model itself was opened or dropped too, not where its server was started with a model.
"""

import json
from pathlib import Path

from app.report.node_values import node_values, numbers_in_file
from app.report.whole_file import write_whole
from profilers.profile import Profile
from profilers.units import format_bytes, format_count, format_duration


def write(profile: Profile, path: Path) -> None:
    """Write the attachment; raises TwinscopeError where there is no measured graph."""
    numbers = numbers_in_file(profile)
    metrics = []
    for name, time_ns, memory_bytes, flops in node_values(profile):
        values = {
            "time per step": format_duration(time_ns) if time_ns >= 0 else "",
            "largest block": format_bytes(memory_bytes) if memory_bytes >= 0 else "",
            "FLOPs": format_count(flops) if flops >= 0 else "",
        }
        metrics += [
            {"kind": "node", **target, "name": label, "value": told, "type": "string"}
            for label, told in values.items()
            for target in ({"target": name}, {"identifier": numbers.get(name)})
            if told and None not in target.values()
        ]
    attachment = {"signature": "netron:attachment", "metadata": [], "metrics": metrics}
    write_whole(path, json.dumps(attachment, indent=1).encode())
