"""run.json: what a worker tells about a capture besides the profiler's own files. Stdlib only."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from profilers.request import RunRequest

RUN_FILE = "run.json"
RESULTS_FILE = "results.npz"  # numbers of the model's results, "0", "1", ..., where asked for


@dataclass
class RunRecord:
    """Facts of one capture; durations in nanoseconds of wall-clock time.

    Parameters
    ----------
    request : RunRequest
        With the inputs as they were finally used.
    family : str
        Name of the module in `profilers.captures` that reads the folder: "torch", "tensorflow",
        "jax", "onnxruntime" or "tflite".
    framework : str
        "PyTorch 2.13.0", ...
    facts : dict
        Label to text: versions, device, host, threads.
    started_unix_ns : int
        Wall clock when the profiled part began.
    import_ns, load_ns : int
    compile_ns : int
        Making the model's code: for one that is compiled when it is called, its first step; 0 where
        nothing is compiled.
    artefact_bytes : int
        Size of what was made of the model's file to run it, 0 where the file itself runs.
    warmup_ns, measured_ns, profiled_ns : list of int
        One duration per step.
    peaks : dict
        A `profilers.profile.MachinePeaks`; empty where they were not asked for.
    sweep : list of dict
        One per size that was measured again: the columns of `profilers.profile.SweepPoints`.
    diagnostics : list of dict
        ``{"severity": 0..2, "message": str, "remedy": str}``.
    extra : dict
        What only this family's reader understands.
    """

    request: RunRequest
    family: str
    framework: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    started_unix_ns: int = 0
    import_ns: int = 0
    load_ns: int = 0
    compile_ns: int = 0
    artefact_bytes: int = 0
    warmup_ns: list[int] = field(default_factory=list)
    measured_ns: list[int] = field(default_factory=list)
    profiled_ns: list[int] = field(default_factory=list)
    peaks: dict[str, Any] = field(default_factory=dict)
    sweep: list[dict[str, Any]] = field(default_factory=list)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def warn(self, message: str, remedy: str = "") -> None:
        self.diagnostics.append({"severity": 1, "message": message, "remedy": remedy})

    def note(self, message: str, remedy: str = "") -> None:
        self.diagnostics.append({"severity": 0, "message": message, "remedy": remedy})

    def write(self, folder: Path) -> None:
        (folder / RUN_FILE).write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1))

    @classmethod
    def read(cls, folder: Path) -> "RunRecord":
        data = json.loads((folder / RUN_FILE).read_text())
        request = RunRequest.from_json(data.pop("request"))
        known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
        return cls(request, **known)
