"""Run modes: each module runs one kind of model one way, inside a worker process.

A runtime module offers ``run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord``:
it loads the model, runs it and leaves the profiler's files in `folder`. It imports its framework
inside `run` only. Adding a mode is one module and one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from profilers.errors import ModeUnavailable
from profilers.installing import install_command
from profilers.runtimes.build_tools import Lack, aoti_lacks, inductor_lacks
from profilers.runtimes.mode_options import ACTIVATIONS, ModeOption
from profilers.runtimes.pytorch import options as torch_options
from profilers.runtimes.tf import options as tf_options


@dataclass(frozen=True)
class RunMode:
    """One way to run a model.

    Parameters
    ----------
    id : str
        Stable name, used on the command line and in snapshots.
    title : str
        For people.
    framework : str
        Distribution that a worker imports; workers are kept warm per framework.
    module : str
        Module in `profilers.runtimes`.
    requires : tuple of str
        Import names that must be installed; "a|b" takes either, the first one that is there.
    options : tuple of ModeOption
        Settings that only this mode has.
    is_compared : bool
        Whether a matrix of modes has rows for it: one that trains or runs over several processes
        does not stand beside the others.
    takes_turns : bool
        Whether its steps can be measured in turns with another model's: one over several processes
        runs in step with itself, and one that attaches runs no model.
    lacks : callable, optional
        What its compiler lacks to build for a device; None where the mode builds nothing.
    built : tuple of str
        Kinds of model files that hold what its compiler would make.
    """

    id: str
    title: str
    framework: str
    module: str
    requires: tuple[str, ...]
    options: tuple[ModeOption, ...] = ()
    is_compared: bool = True
    takes_turns: bool = True
    lacks: Callable[[str], Lack | None] | None = None
    built: tuple[str, ...] = ()

    def obstacle(self, device: str = "cpu", kind: str = "") -> ModeUnavailable | None:
        """What keeps a model file of `kind` from running on `device` here; nothing is imported."""
        lack = self.lacks(device) if self.lacks and kind not in self.built else None
        return self.not_installed() or (self.refusal(lack) if lack else None)

    def not_installed(self) -> ModeUnavailable | None:
        """That packages are missing here, if they are."""
        missing = self.missing()
        if not missing:
            return None
        remedy = f"Install it with: {install_command(missing)}."
        return self.refusal(Lack(f"{', '.join(missing)} is not installed", remedy))

    def refusal(self, lack: Lack) -> ModeUnavailable:
        return ModeUnavailable(f"{self.title} cannot run here", lack.why, lack.remedy)

    def missing(self, is_installed: Callable[[str], bool] | None = None) -> tuple[str, ...]:
        """Import names that are not installed here; nothing is imported to find out."""
        installed = is_installed or (lambda name: find_spec(name) is not None)
        return tuple(
            name for name in self.requires if not any(installed(each) for each in name.split("|"))
        )


_ONNXRUNTIME_LEVEL = ModeOption(
    "level",
    "Optimisation level",
    ("disabled", "basic", "extended", "all"),
    "all",
    "How far ONNX Runtime may rewrite the graph.",
    is_compared=True,
)

_ONNXRUNTIME_PROVIDER = ModeOption(
    "provider",
    "Execution provider",
    (),
    "cpu",
    "Who runs the nodes: cpu, auto for all that are installed, or names such as OpenVINO or CUDA, "
    "with commas between them; the CPU runs what is left.",
)
_TFLITE_DELEGATE = ModeOption(
    "delegate",
    "Delegate",
    ("xnnpack", "none", "reference"),
    "xnnpack",
    "Who runs the operators: XNNPACK, TFLite's own kernels, or its slow reference kernels.",
)
_TFLITE_QUANTISATION = ModeOption(
    "quantisation",
    "Quantisation",
    ("float", "dynamic-range"),
    "float",
    "How TensorFlow and Keras models are converted; a .tflite file runs as it is.",
    is_compared=True,
)

RUN_MODES: tuple[RunMode, ...] = (
    RunMode(
        "torch-eager",
        "PyTorch eager",
        "torch",
        "pytorch.eager",
        ("torch",),
        (*torch_options.STEP, *torch_options.FORWARD, ACTIVATIONS),
    ),
    RunMode(
        "torch-compile",
        "PyTorch compiled",
        "torch",
        "pytorch.compile",
        ("torch",),
        (*torch_options.COMPILE, *torch_options.STEP, *torch_options.FORWARD),
        lacks=inductor_lacks,
    ),
    RunMode(
        "torch-export",
        "PyTorch exported program",
        "torch",
        "pytorch.export",
        ("torch",),
        torch_options.FORWARD,
    ),
    RunMode(
        "torchscript",
        "TorchScript",
        "torch",
        "pytorch.torchscript",
        ("torch",),
        (*torch_options.SCRIPT, *torch_options.STEP, *torch_options.FORWARD),
    ),
    RunMode(
        "torch-distributed",
        "PyTorch on several processes",
        "torch",
        "pytorch.distributed",
        ("torch",),
        (*torch_options.DISTRIBUTED, *torch_options.FORWARD),
        is_compared=False,
        takes_turns=False,
    ),
    RunMode(
        "torch-onnxruntime",
        "PyTorch exported to ONNX Runtime",
        "torch",
        "ort.from_pytorch",
        ("torch", "onnxscript", "onnxruntime"),
        (_ONNXRUNTIME_LEVEL, torch_options.IMPORTS),
    ),
    RunMode(
        "torch-aoti",
        "PyTorch compiled ahead of time (AOTInductor)",
        "torch",
        "pytorch.aoti",
        ("torch",),
        (torch_options.IMPORTS,),
        lacks=aoti_lacks,
        built=("torch-aoti",),
    ),
    RunMode(
        "tf-graph",
        "TensorFlow graph",
        "tensorflow",
        "tf.graph",
        ("tensorflow",),
        (tf_options.GRAPPLER,),
    ),
    RunMode(
        "tf-eager",
        "TensorFlow eager",
        "tensorflow",
        "tf.eager",
        ("tensorflow", "keras"),
        tf_options.STEP,
    ),
    RunMode(
        "tf-xla",
        "TensorFlow compiled by XLA",
        "tensorflow",
        "tf.xla",
        ("tensorflow", "keras"),
        tf_options.STEP,
    ),
    RunMode(
        "keras",
        "Keras on TensorFlow",
        "tensorflow",
        "keras.on_tf",
        ("tensorflow", "keras"),
        (*tf_options.STEP, tf_options.GRAPPLER, ACTIVATIONS),
    ),
    RunMode(
        "keras-torch",
        "Keras on PyTorch",
        "torch",
        "keras.on_torch",
        ("torch", "keras"),
        (*torch_options.STEP, torch_options.AUTOCAST),
    ),
    RunMode(
        "keras-jax",
        "Keras on JAX",
        "jax",
        "keras.on_jax",
        ("jax", "keras"),
        (*tf_options.STEP, ACTIVATIONS),
    ),
    RunMode(
        "tf-mirrored",
        "Keras mirrored over devices",
        "tensorflow",
        "tf.mirrored",
        ("tensorflow", "keras"),
        (tf_options.REPLICAS, *tf_options.TRAINED_STEP),
        is_compared=False,
    ),
    RunMode(
        "tf-multiworker",
        "Keras over several processes",
        "tensorflow",
        "tf.multiworker",
        ("tensorflow", "keras"),
        (tf_options.REPLICAS, *tf_options.TRAINED_STEP),
        is_compared=False,
        takes_turns=False,
    ),
    RunMode(
        "tf-attach",
        "Attach to a TensorFlow process",
        "xprof",
        "tf.attach",
        ("xprof",),
        (tf_options.SECONDS,),
        is_compared=False,
        takes_turns=False,
    ),
    RunMode(
        "tflite",
        "TFLite",
        "tensorflow",
        "tflite.inference",
        ("ai_edge_litert|tensorflow",),
        (_TFLITE_DELEGATE, _TFLITE_QUANTISATION),
    ),
    RunMode(
        "onnxruntime",
        "ONNX Runtime",
        "onnxruntime",
        "ort.inference",
        ("onnxruntime",),
        (_ONNXRUNTIME_LEVEL, _ONNXRUNTIME_PROVIDER, ACTIVATIONS),
    ),
    RunMode(
        "tf-onnxruntime",
        "TensorFlow converted for ONNX Runtime",
        "tensorflow",
        "ort.from_tf",
        ("tensorflow", "keras", "tf2onnx", "onnxruntime"),
        (_ONNXRUNTIME_LEVEL, _ONNXRUNTIME_PROVIDER, ACTIVATIONS),
    ),
)


def mode_named(mode_id: str) -> RunMode | None:
    return next((mode for mode in RUN_MODES if mode.id == mode_id), None)
