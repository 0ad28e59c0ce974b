"""Collects what torch.compile tells while it compiles: graphs, generated code, graph breaks, times."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.captures.torch_files import COMPILATION_FILE

Json = dict[str, Any]

_LOGGER = "torch.__trace"  # of torch._logging's structured records
_PROVENANCE = "inductor_provenance_tracking_node_mappings"
_TEXTS = {"dynamo_graph_break_reason": "breaks", "recompile_reasons": "recompiles"}
_PHASES = ("entire_frame_compile_time_s", "backend_compile_time_s", "inductor_compile_time_s")


class CompileLog(logging.Handler):
    """A handler of the structured records that PyTorch keeps for its own tools.

    Every record is a sign of life, since compiling may take minutes: `alive` is called then.
    """

    def __init__(self, alive: Callable[[], None]) -> None:
        super().__init__()
        self._alive = alive
        self._graphs: dict[str, Json] = {}
        self._texts: dict[str, list[str]] = {kind: [] for kind in _TEXTS.values()}
        self._seconds = dict.fromkeys(_PHASES, 0.0)
        self._cache_hits = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Records arrive while it lasts, whatever the logger let through before."""
        logger = logging.getLogger(_LOGGER)
        level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        metadata: Json = getattr(record, "metadata", None) or {}
        payload = getattr(record, "payload", None)
        self._alive()
        artifact = (metadata.get("artifact") or {}).get("name")
        if "compilation_metrics" in metadata:
            for phase in _PHASES:
                self._seconds[phase] += metadata["compilation_metrics"].get(phase) or 0.0
        elif artifact == "fx_graph_cache_hit":
            self._cache_hits += 1
        elif payload is not None and "inductor_output_code" in metadata:
            self._graph(metadata)["code"] = str(payload)
        elif payload is not None and artifact == _PROVENANCE:
            self._graph(metadata)["provenance"] = json.loads(payload)
        elif payload is not None and artifact in _TEXTS:
            self._texts[_TEXTS[artifact]].append(str(payload))

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
        nodes = list(module.graph.nodes)
        placeholders = [node.name for node in nodes if node.op == "placeholder"]
        states = dict(zip(placeholders, map(names.state_of, inputs), strict=False))
        self._graphs.setdefault(compile_id, {})["nodes"] = [
            {
                "name": node.name,
                "operator": _operator(node),
                "module": names.module_of(node),
                "state": states.get(node.name, ""),
            }
            for node in nodes
            if node.op != "output"
        ]

    @property
    def facts(self) -> dict[str, str]:
        """Label to text, for the run record."""
        whole, backend, inductor = (self._seconds[phase] for phase in _PHASES)
        compiled = len([graph for graph in self._graphs.values() if "code" in graph])
        return {
            "Compile time": (
                f"{whole:.1f} s (Dynamo {max(whole - backend, 0.0):.1f} s, AOTAutograd "
                f"{max(backend - inductor, 0.0):.1f} s, Inductor {inductor:.1f} s); in the first "
                "warm-up step"
            ),
            "Compiled graphs": f"{compiled}, of which {self._cache_hits} from the compile cache",
        }

    def write(self, folder: Path) -> None:
        document = {
            "graphs": [{"id": name, **graph} for name, graph in self._graphs.items()],
            **self._texts,
        }
        (folder / COMPILATION_FILE).write_text(json.dumps(document))

    def _graph(self, metadata: Json) -> Json:
        name = f"{metadata.get('frame_id')}/{metadata.get('frame_compile_id')}"
        return self._graphs.setdefault(name, {})


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


def sign_of_life(report_progress: Callable[[str, float], None]) -> Callable[[], None]:
    """Tells the launcher at most once a second that compiling goes on."""
    last = time.monotonic()

    def alive() -> None:
        nonlocal last
        if time.monotonic() - last > 1.0:
            last = time.monotonic()
            report_progress("warm-up", 0.0)

    return alive


def _operator(node: Any) -> str:
    """Last part of the function's name: torch.nn.functional.linear is "linear"."""
    if node.op in ("placeholder", "get_attr"):
        return str(node.op)
    if isinstance(node.target, str):
        return str(node.target)
    return str(getattr(node.target, "__name__", node.target)).rpartition(".")[2]
