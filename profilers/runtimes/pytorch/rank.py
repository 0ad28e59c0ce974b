"""One rank of a distributed run: ``python -m profilers.runtimes.pytorch.rank FOLDER HIDDEN_ROOT``.

torchrun starts it once per process, with the rank and the meeting point in the environment.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.distributed_files import (
    BACKEND,
    CLOCK,
    END_FILE,
    ERROR_FILE,
    REQUEST_FILE,
    SHARDS,
    UNITS,
    rank_folder,
)
from profilers.captures.pytorch.files import TRAINING as TOLD
from profilers.errors import TwinscopeError
from profilers.parameter_statistics import write_statistics
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.foreign_names import HideOurNames
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.clock import clock_of_rank
from profilers.runtimes.pytorch.distributed import PROGRESS_MARK
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.options import RUN, STRATEGY, TRAINING, chosen
from profilers.runtimes.pytorch.running import (
    first_step,
    measure,
    opened,
    profile,
    warm_up,
)
from profilers.runtimes.pytorch.session import Session
from profilers.runtimes.pytorch.strategies import (
    WRAPPERS,
    bucket_bytes,
    gathered_together,
    leaves_weights_out,
    local_share,
)
from profilers.runtimes.pytorch.sweep import sized_run
from profilers.runtimes.pytorch.weights import weights_of
from profilers.runtimes.sweep import SizedRun, measure_sweep

_PR_SET_PDEATHSIG = 1


class RankReporter:
    """Progress of rank 0 as lines on stdout, which the worker reads; other ranks are silent."""

    def __init__(self, rank: int) -> None:
        self._is_heard = rank == 0

    def progress(self, stage: str, fraction: float) -> None:
        if self._is_heard:
            print(PROGRESS_MARK + json.dumps({"stage": stage, "fraction": fraction}), flush=True)

    def log(self, text: str) -> None:
        if self._is_heard:
            print(text, flush=True)

    @property
    def runs_alone(self) -> bool:
        return False

    def measuring(self, step: Callable[[], Any]) -> None:
        """All ranks run the same number of steps, so none may run more."""


def main() -> None:
    folder, root = Path(sys.argv[1]), sys.argv[2]
    rank = int(os.environ["RANK"])
    _die_with_parent()
    if root:
        sys.meta_path.insert(0, HideOurNames(root))
    try:
        asked = json.loads((folder / REQUEST_FILE).read_text())
        backend = asked.pop(BACKEND)
        _run(RunRequest.from_json(asked), backend, folder / rank_folder(rank), rank)
    except BaseException as error:  # the file is the only way to tell; torchrun ends the others
        _write_error(folder / rank_folder(rank), error)
        sys.exit(1)


def _run(request: RunRequest, backend: str, folder: Path, rank: int) -> None:
    import torch
    from torch import distributed

    if request.trusted:
        own = (request.source_folder, str(Path(request.model_path).resolve().parent))
        sys.path[:0] = [each for each in own if each]
    device = f"cuda:{os.environ['LOCAL_RANK']}" if request.device == "cuda" else request.device
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group(backend)
    options = {**request.options, RUN.id: TRAINING}
    session = opened(replace(request, device=device, options=options), folder, RankReporter(rank))
    _load(session, rank)
    session.record.extra[CLOCK] = clock_of_rank(distributed)
    for phase in (warm_up, measure, profile):
        phase(session)
    told = session.work.told()
    shares = local_share(session.model.owner)
    for key in ("gradient_bytes", "optimiser_state_bytes"):
        told[key] = {name: round(size * shares[name]) for name, size in told[key].items()}
    told["bucket_bytes"] = bucket_bytes(session.model.call)
    session.record.extra[TOLD] = told
    _sweep(session, distributed.get_world_size())
    session.record.write(folder)
    distributed.barrier()
    distributed.destroy_process_group()


def _load(session: Session, rank: int) -> None:
    """Load and wrap the model; rank 0 writes its graph first, since a wrapped one has no other."""
    session.report.progress("load", 0.0)
    request, record = session.request, session.record
    loaded = load_module(request, session.device)
    for message, remedy in loaded.notes:
        record.warn(message, remedy)
    # every rank has data of its own
    settled, session.inputs = loaded.settle_inputs(
        replace(request, seed=request.seed + rank), session.device
    )
    session.request = record.request = replace(settled, seed=request.seed)
    session.take(loaded)
    leaves_out = leaves_weights_out(loaded.owner, lambda: first_step(session))
    if rank == 0:
        loaded.write_graph(session.inputs, session.folder, record)
        write_statistics(session.folder, weights_of(loaded.owner))
    wrap = WRAPPERS[chosen(request.options, STRATEGY)]
    call = wrap(loaded.owner, session.device, request.options, leaves_out)
    session.take(replace(loaded, call=call, profiled_call=call))
    record.extra[UNITS] = gathered_together(loaded.owner)
    shares = local_share(loaded.owner)
    record.extra[SHARDS] = {
        name: round(each.numel() * each.element_size() * shares[name])
        for name, each in loaded.owner.named_parameters()
    }


def _sweep(session: Session, count: int) -> None:
    """Other sizes on all ranks in step; each rank takes inputs of the size, so samples add up.

    All end it before the same step: each waits in the next one for all others.

    Only GPUs tell the peak: threads of collectives free host memory without the profiler's notice.
    """

    def sized(inputs: tuple[InputSpec, ...], part: Reporter) -> SizedRun:
        run = sized_run(session, inputs, part)
        return run if session.device.type == "cuda" else SizedRun(run.step)

    if not session.request.sweep:
        return
    session.record.note("Other sizes are those of each rank; samples per second are of all ranks.")
    is_over = partial(_all_agree, session.folder.parent / END_FILE, session.device)
    measure_sweep(session.record, session.report, sized, is_over)
    for row in session.record.sweep:
        row["batch"] *= count if row["batch"] > 0 else 1


def _all_agree(sign: Path, device: Any) -> bool:
    """Whether any rank has seen the file, which some may see sooner than others."""
    import torch
    from torch import distributed

    is_seen = torch.tensor([int(sign.exists())], device=device)
    distributed.all_reduce(is_seen, distributed.ReduceOp.MAX)
    return bool(is_seen.item())


def _die_with_parent() -> None:
    """Where the worker and torchrun are killed, no rank stays behind; other systems do without."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_error(folder: Path, error: BaseException) -> None:
    detail = "".join(traceback.format_exception(error))
    if isinstance(error, TwinscopeError):
        told = {
            "kind": type(error).__name__, "what": error.what, "why": error.why,
            "remedy": error.remedy, "detail": error.detail or detail,
        }  # fmt: skip
    else:
        lines = str(error).strip().splitlines() or [""]
        told = {
            "kind": "CaptureFailed", "what": "The training step failed",
            "why": f"{type(error).__name__}: {lines[0]}",
            "remedy": "The details hold the full traceback.", "detail": detail,
        }  # fmt: skip
    (folder / ERROR_FILE).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
