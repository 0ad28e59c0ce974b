"""Settings of the TensorFlow and Keras run modes. Standard library only: the window reads them too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from profilers.runtimes.mode_options import ModeOption
from profilers.runtimes.pytorch.options import INFERENCE, ONLY_TRAINING, TRAINING

OWN = "the file's own"

GRAPPLER = ModeOption(
    "grappler",
    "Grappler",
    ("on", "off"),
    "on",
    "Whether TensorFlow's graph optimiser may rewrite the graph before it runs.",
)
RUN = ModeOption(
    "run",
    "Step",
    (INFERENCE, TRAINING),
    INFERENCE,
    "A training step is forward, loss, backward and optimiser on random targets; only Keras files "
    "can be trained.",
)
LOSS = ModeOption(
    "loss",
    "Loss",
    (OWN, "mse", "cross-entropy", "sparse cross-entropy", "binary cross-entropy"),
    OWN,
    "What a training step minimises, summed over the outputs; mse where the file was not compiled.",
    need=ONLY_TRAINING,
)
OPTIMISER = ModeOption(
    "optimiser",
    "Optimiser",
    (OWN, "SGD", "SGD with momentum", "Adam", "AdamW", "RMSprop"),
    OWN,
    "What a training step updates the weights with; AdamW where the file was not compiled. All but "
    "the file's own have the learning rate 0, so the weights stay as they are.",
    need=ONLY_TRAINING,
)
MOST_REPLICAS = 4
REPLICAS = ModeOption(
    "replicas",
    "Replicas",
    tuple(str(count) for count in range(2, MOST_REPLICAS + 1)),
    "2",
    "How many copies of the model run at once; each gets a batch of the size of the inputs.",
)
SECONDS = ModeOption("seconds", "Seconds", (), "2", "How long a running process is traced.")

STEP = (RUN, LOSS, OPTIMISER)
TRAINED_STEP = (replace(RUN, default=TRAINING), LOSS, OPTIMISER)


def is_training(options: Mapping[str, Any]) -> bool:
    return options.get(RUN.id) == TRAINING
