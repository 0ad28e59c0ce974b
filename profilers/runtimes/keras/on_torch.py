"""Runs a .keras or .h5 model on PyTorch, Keras's other backend, with a range per layer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.keras.model import forget_models, load_keras, packed
from profilers.runtimes.keras.own_step import brings, told
from profilers.runtimes.keras.torch_modules import LayerTree
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch import session as torch_session
from profilers.runtimes.pytorch.eager import module_ranges, write_module_graph
from profilers.runtimes.pytorch.running import run_model
from profilers.runtimes.pytorch.session import LoadedModel
from profilers.runtimes.tf.options import is_training

WORKER_ENVIRONMENT = {**torch_session.WORKER_ENVIRONMENT, "KERAS_BACKEND": "torch"}
PRELOADED = torch_session.PRELOADED


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the model's inference or training step.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    TwinscopeError
        If it cannot be loaded, trained or does not take the inputs.
    """
    import keras
    import torch

    record = run_model(request, folder, report, _load)
    record.framework = f"Keras {keras.__version__} on PyTorch {torch.__version__}"
    record.facts["Keras"] = keras.__version__
    return record


def _load(request: RunRequest, device: Any) -> LoadedModel:
    import keras
    import torch

    if any(spec.dtype == "string" for spec in request.inputs):
        raise TwinscopeError(
            f"PyTorch cannot run {Path(request.model_path).name}",
            "it takes text, which PyTorch has no type for",
            "Run it on TensorFlow.",
        )
    place = f"gpu:{device.index or 0}" if device.type == "cuda" else "cpu"
    forget_models()
    with keras.device(place):
        model = load_keras(request)
        if not model.built and isinstance(model, keras.Sequential) and request.inputs:
            model.build((None, *request.inputs[0].shape[1:]))  # else its weights come too late
    names = [spec.name for spec in request.inputs]
    root = LayerTree(model, partial(packed, model, names), place).root
    root.eval()

    def plain(*inputs: Any) -> Any:
        """Without our modules around the layers: what the latency is measured of."""
        with keras.device(place):  # else Keras takes a GPU wherever there is one
            return model(packed(model, names, inputs), training=root.training)

    def write(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        write_module_graph(root, inputs, folder, record)

    mark: Callable[[str], Any] = torch._C._profiler._RecordFunctionFast

    def ranges() -> AbstractContextManager[None]:
        return module_ranges(root, mark)

    is_other = is_training(request.options) and brings(model, "train_step")
    notes = ((told(model), ""),) if is_other else ()
    return LoadedModel(plain, root, write, root, ranges, notes=notes)
