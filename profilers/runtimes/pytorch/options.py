"""Settings of the PyTorch run modes. Standard library only: the window reads them too."""

from collections.abc import Mapping
from typing import Any

from profilers.runtimes.mode_options import ModeOption, Need

INFERENCE, TRAINING = "inference", "training"
ONLY_TRAINING = Need("run", (TRAINING,))
ONLY_INFERENCE = Need("run", (INFERENCE,))

RUN = ModeOption(
    "run",
    "Step",
    (INFERENCE, TRAINING),
    INFERENCE,
    "A training step is forward, loss, backward and optimiser; the learning rate is 0, so the "
    "weights stay as they are and every step costs the same.",
)
LOSS = ModeOption(
    "loss",
    "Loss",
    ("mse", "cross-entropy", "sum"),
    "mse",
    "What a training step minimises, against random targets: of the first output, or the sum of "
    "all outputs.",
    need=ONLY_TRAINING,
)
OPTIMISER = ModeOption(
    "optimiser",
    "Optimiser",
    ("SGD", "SGD with momentum", "Adam", "AdamW"),
    "AdamW",
    "What a training step updates the weights with.",
    need=ONLY_TRAINING,
)
AUTOCAST = ModeOption(
    "autocast",
    "Autocast",
    ("off", "bfloat16", "float16"),
    "off",
    "Operators that bear it compute in lower precision; the weights keep theirs.",
)
MEMORY_FORMAT = ModeOption(
    "memory_format",
    "Memory format",
    ("contiguous", "channels-last"),
    "contiguous",
    "How images and the weights of convolutions lie in memory.",
)
COMPILE_MODE = ModeOption(
    "compile_mode",
    "Compile mode",
    ("default", "reduce-overhead", "max-autotune"),
    "default",
    "reduce-overhead replays the kernels as a CUDA graph; max-autotune measures several kernels "
    "for each matrix product and takes the fastest, which may take minutes.",
)
WEIGHTS = ModeOption(
    "weights",
    "Weights",
    ("inputs", "frozen"),
    "inputs",
    "Frozen weights are constants of the compiled graph: batch norms are folded into convolutions, "
    "and on the CPU oneDNN takes activations into its kernels. For inference only.",
    need=ONLY_INFERENCE,
)
FUSER = ModeOption(
    "fuser",
    "Fuser",
    ("default", "off", "nnc"),
    "default",
    "NNC generates one kernel for several elementwise operators; by default it is off on the CPU.",
)
OPTIMISE = ModeOption(
    "optimise",
    "Optimise",
    ("off", "freeze", "inference"),
    "off",
    "freeze makes weights constants and folds batch norms into convolutions; inference moves "
    "convolutions to oneDNN as well, whose kernels a trace does not show.",
    need=ONLY_INFERENCE,
)
SHAPES = ModeOption(
    "shapes",
    "Shapes",
    ("auto", "static", "dynamic"),
    "auto",
    "Whether a kernel is made for one size, for any size, or for any size from the first other "
    "size on.",
)
IMPORTS = ModeOption(
    "imports",
    "Import first",
    (),
    "",
    "Python modules, Python files or libraries that register operators which the model uses, "
    "separated by commas.",
)

PROCESSES = ModeOption(
    "processes",
    "Processes",
    tuple(map(str, range(1, 9))),
    "2",
    "How many ranks train together on this machine: over NCCL where there is a GPU for each, else "
    "over gloo on the CPU.",
)
STRATEGY = ModeOption(
    "strategy",
    "Strategy",
    ("ddp", "fsdp"),
    "ddp",
    "ddp keeps all weights on every rank and averages gradients; fsdp keeps a share of each weight "
    "on every rank and gathers them when they are needed.",
)
UNUSED_WEIGHTS = ModeOption(
    "unused_weights",
    "Unused weights",
    ("auto", "no", "yes"),
    "auto",
    "Whether ddp looks in every step for weights that the step left out, such as experts that no "
    "token was sent to; auto does where a first step leaves some out.",
    need=Need(STRATEGY.id, ("ddp",)),
)

FORWARD = (AUTOCAST, MEMORY_FORMAT, IMPORTS)  # of every mode that calls the model as a function
STEP = (RUN, LOSS, OPTIMISER)
DISTRIBUTED = (PROCESSES, STRATEGY, UNUSED_WEIGHTS, LOSS, OPTIMISER)
COMPILE = (COMPILE_MODE, SHAPES, WEIGHTS)
SCRIPT = (FUSER, OPTIMISE)
FOLDING = ("freeze", "inference")  # choices of Optimise after which another graph runs


def chosen(options: Mapping[str, Any], option: ModeOption) -> str:
    """What was chosen, the default where the mode does not offer the option."""
    return str(options.get(option.id, option.default))
