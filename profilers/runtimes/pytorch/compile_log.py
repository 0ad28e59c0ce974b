"""Collects what torch.compile tells while it compiles: graphs, generated code, graph breaks, times."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import COMPILATION_FILE, COMPILE_FAILURE_FILE
from profilers.graphs.python_frames import own_line
from profilers.runtimes.pytorch.traced_nodes import source_of, traced_nodes

Json = dict[str, Any]

_TRACE = "torch.__trace"  # of torch._logging's structured records
_DYNAMO = "torch._dynamo.convert_frame"
_CUDAGRAPHS = "torch._inductor.cudagraph_utils.__cudagraphs"
_BACKWARD = re.compile(r"# AOT ID: \['\d+_backward'\]")
_PROVENANCE = "inductor_provenance_tracking_node_mappings"
_PROVENANCE_OF = {"code": "provenance", "backward_code": "backward_provenance"}
_LIMIT = "torch._dynamo hit config."
_PHASES = (
    "entire_frame_compile_time_s",
    "backend_compile_time_s",
    "inductor_compile_time_s",
    "code_gen_time_s",
)


class CompileLog(logging.Handler):
    """A handler of the structured records that PyTorch keeps for its own tools."""

    def __init__(self) -> None:
        super().__init__()
        self._is_deaf = False
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what was compiled, as it is compiled anew."""
        self._graphs: dict[str, Json] = {}
        self._last_code: dict[str, str] = {}  # "code" or "backward_code" by compile id
        self._frames: dict[str, Json] = {}  # function, place and seconds by compile id
        self._breaks: list[str] = []
        self._recompiles: list[Json] = []
        self._limits: list[str] = []
        self._skips: list[str] = []
        self._cache_hits = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Records arrive while it lasts, whatever the loggers let through before."""
        trace = logging.getLogger(_TRACE)
        level = trace.level
        loggers = [trace, logging.getLogger(_DYNAMO), logging.getLogger(_CUDAGRAPHS)]
        for logger in loggers:
            logger.addHandler(self)
        trace.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(self)
            trace.setLevel(level)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """What is compiled while it lasts is no part of the log."""
        self._is_deaf = True
        try:
            yield
        finally:
            self._is_deaf = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._is_deaf:
            return
        if record.name == _CUDAGRAPHS:
            self._skips.append(record.getMessage())
        elif record.name == _DYNAMO:
            if record.getMessage().startswith(_LIMIT):
                self._limits.append(record.getMessage())
        else:
            self._take(getattr(record, "metadata", None) or {}, getattr(record, "payload", None))

    def _take(self, metadata: Json, payload: Any) -> None:
        artifact = (metadata.get("artifact") or {}).get("name")
        if "compilation_metrics" in metadata:
            self._add_frame(metadata["compilation_metrics"])
        elif artifact == "fx_graph_cache_hit":
            self._cache_hits += 1
        elif payload is None:
            return
        elif "inductor_output_code" in metadata:
            kind = "backward_code" if _BACKWARD.match(str(payload)) else "code"
            self._graph(metadata)[kind] = str(payload)
            self._last_code[_compile_id(metadata)] = kind
        elif artifact == _PROVENANCE:
            self._add_provenance(metadata, json.loads(payload))
        elif artifact == "dynamo_graph_break_reason":
            self._breaks.append(str(payload))
        elif artifact == "recompile_reasons":
            self._recompiles.append({"id": _compile_id(metadata), "reasons": _reasons(payload)})

    def _add_provenance(self, metadata: Json, provenance: Json) -> None:
        """It comes right after the code that it is of."""
        if provenance.get("cppCodeToPost"):
            kind = _PROVENANCE_OF[self._last_code.get(_compile_id(metadata), "code")]
            self._graph(metadata).setdefault(kind, provenance)

    def _add_frame(self, metrics: Json) -> None:
        self._frames[str(metrics.get("compile_id"))] = {
            "function": str(metrics.get("co_name") or ""),
            "file": str(metrics.get("co_filename") or ""),
            "line": metrics.get("co_firstlineno") or 0,
            "seconds": [float(metrics.get(phase) or 0.0) for phase in _PHASES],
        }
        if metrics.get("cudagraph_skip_reason"):
            self._skips.append(str(metrics["cudagraph_skip_reason"]))

    def add_graph(
        self, compile_id: str, module: Any, inputs: Sequence[Any], names: "ModelNames"
    ) -> None:
        """Keep the nodes of a graph as Dynamo hands it to the compiler.

        Parameters
        ----------
        module : torch.fx.GraphModule
        inputs : sequence
            What its placeholders stand for, weights among them.
        """
        if self._is_deaf:
            return
        placeholders = [node.name for node in module.graph.find_nodes(op="placeholder")]
        states = dict(zip(placeholders, map(names.state_of, inputs), strict=False))
        self._graphs.setdefault(compile_id, {})["nodes"] = [
            {
                "name": each.name,
                "source": source_of(each.node),
                "operator": _operator(each.node),
                "module": names.module_of(each.node),
                "line": own_line(each.node.stack_trace or ""),
                "state": states.get(each.name, ""),
                "inputs": each.inputs,
            }
            for each in traced_nodes(module)
        ]

    @property
    def operators(self) -> list[str]:
        """Of all graphs that Dynamo handed on."""
        nodes = (node for graph in self._graphs.values() for node in graph.get("nodes", ()))
        names = (str(node["operator"]) for node in nodes)
        return [name for name in names if name not in ("placeholder", "get_attr")]

    @property
    def facts(self) -> dict[str, str]:
        """Label to text, for the run record."""
        seconds = [frame["seconds"] for frame in self._frames.values()]
        whole, backend, inductor, code = (
            sum(column) for column in zip([0.0] * len(_PHASES), *seconds, strict=True)
        )
        phases = (
            f"Dynamo {max(whole - backend, 0.0):.1f} s, AOTAutograd "
            f"{max(backend - inductor, 0.0):.1f} s, Inductor {inductor:.1f} s of which code {code:.1f} s"
        )
        compiled = len([graph for graph in self._graphs.values() if "code" in graph])
        facts = {
            "Compile time": f"{whole:.1f} s ({phases}); in the first step",
            "Compiled graphs": f"{compiled}, of which {self._cache_hits} from the compile cache",
        }
        if len(self._frames) > 1:
            slowest = max(self._frames.values(), key=lambda frame: float(frame["seconds"][0]))
            facts["Slowest to compile"] = (
                f"{slowest['function']} ({Path(slowest['file']).name}:{slowest['line']}), "
                f"{slowest['seconds'][0]:.1f} s"
            )
        return facts

    def write(self, folder: Path) -> None:
        (folder / COMPILATION_FILE).write_text(json.dumps(self._document()))

    def write_failure(self, folder: Path, reason: str, detail: str) -> None:
        """What was told until the compiler gave up.

        Parameters
        ----------
        reason : str
            In one line.
        detail : str
            The whole of the error's text.
        """
        failure = {"reason": reason, "detail": detail}
        document = {**self._document(), "failure": failure}
        (folder / COMPILE_FAILURE_FILE).write_text(json.dumps(document))

    def _document(self) -> Json:
        return {
            "graphs": [{"id": name, **graph} for name, graph in self._graphs.items()],
            "frames": self._frames,
            "breaks": self._breaks,
            "recompiles": self._recompiles,
            "limits": self._limits,
            "cudagraph_skips": list(dict.fromkeys(self._skips)),
        }

    def _graph(self, metadata: Json) -> Json:
        return self._graphs.setdefault(_compile_id(metadata), {})


def _compile_id(metadata: Json) -> str:
    return f"{metadata.get('frame_id')}/{metadata.get('frame_compile_id')}"


def _reasons(payload: Any) -> list[str]:
    """One text, or several as a JSON list; that of the newest compilation comes first."""
    text = str(payload)
    if not text.lstrip().startswith("["):
        return [text]
    try:
        return [str(each) for each in json.loads(text)]
    except ValueError:
        return [text]


class ModelNames:
    """Paths of a model's modules and weights, by the objects themselves."""

    def __init__(self, model: Any) -> None:
        self._modules = {id(module): path for path, module in model.named_modules()}
        tensors = [*model.named_buffers(), *model.named_parameters()]
        self._states = {id(tensor): name for name, tensor in tensors}

    def state_of(self, value: Any) -> str:
        """Name in the state_dict, "" if the value is no weight."""
        return str(self._states.get(id(value), ""))

    def module_of(self, node: Any) -> str:
        """Path of the innermost module whose call made the node; Dynamo keys modules by identity."""
        keys = [str(key).split("@")[0] for key in node.meta.get("nn_module_stack") or {}]
        paths = [self._modules.get(int(key)) for key in keys if key.isdigit()]
        return next((path for path in reversed(paths) if path is not None), "")


def _operator(node: Any) -> str:
    """Last part of the function's name: torch.nn.functional.linear and aten.linear.default are "linear"."""
    if node.op in ("placeholder", "get_attr"):
        return str(node.op)
    if isinstance(node.target, str):
        return str(node.target)
    function = getattr(node.target, "overloadpacket", node.target)
    return str(getattr(function, "__name__", function)).rpartition(".")[2]
