"""What a worker is asked to do. Standard library only: a foreign interpreter reads it too."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from profilers.errors import TwinscopeError
from profilers.usual_sizes import usual_sizes

PEAKS_FILE = "TWINSCOPE_PEAKS"  # variable naming a worker's JSON of what this machine reaches
Dimension = int | str  # a size, or the symbol of a dynamic dimension


@dataclass(frozen=True)
class InputSpec:
    """One input tensor of a model.

    Parameters
    ----------
    name : str
    dtype : str
        numpy name ("float32", "int64", "bool", "bfloat16") or "string".
    shape : tuple of int or str
        Sizes; a string is the symbol of a dynamic dimension.
    low, high : float or None
        Range for random values: `low` inclusive, `high` exclusive. None leaves it to the dtype.
    guessed : bool
        True if the file does not say this and the person should check it.
    examples : tuple of int
        Sizes that the file is known to work with, one per dimension; empty where it tells none.
    """

    name: str
    dtype: str
    shape: tuple[Dimension, ...]
    low: float | None = None
    high: float | None = None
    guessed: bool = False
    examples: tuple[int, ...] = ()

    @property
    def is_concrete(self) -> bool:
        return all(isinstance(size, int) for size in self.shape)

    def with_sizes(self) -> "InputSpec":
        """The same input with its example, else a usual size, for each dynamic dimension."""
        filled = self.examples or usual_sizes(self.shape)
        sizes = zip(self.shape, filled, strict=True)
        return replace(self, shape=tuple(s if isinstance(s, int) else size for s, size in sizes))

    @property
    def text(self) -> str:
        """As the command line takes it: ``x=1,3,224,224:float32``."""
        return f"{self.name}={','.join(map(str, self.shape))}:{self.dtype}"


def with_sizes(specs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
    """The inputs with sizes as `InputSpec.with_sizes` gives them, one size for each symbol.

    Of two sizes the larger one is taken: what is a first dimension only here is no batch, and an image
    needs its 224 pixels. Nameless dimensions (``?``, ``?0``) have nothing to do with each other.
    """
    sized = [spec.with_sizes() for spec in specs]
    size_of: dict[str, int] = {}
    for spec, filled in zip(specs, sized, strict=True):
        for symbol, size in zip(spec.shape, filled.shape, strict=True):
            if isinstance(symbol, str) and not symbol.startswith("?") and isinstance(size, int):
                size_of[symbol] = max(size, size_of.get(symbol, size))
    return tuple(
        replace(
            filled,
            shape=tuple(
                size_of.get(symbol, size) if isinstance(symbol, str) else size
                for symbol, size in zip(spec.shape, filled.shape, strict=True)
            ),
        )
        for spec, filled in zip(specs, sized, strict=True)
    )


_INPUT = re.compile(r"(?P<name>[^=]+)=(?P<shape>[^:]*)(?::(?P<dtype>\w+))?")


def parse_input(text: str) -> InputSpec:
    """Read ``NAME=SHAPE:DTYPE``, for example ``tokens=1,32:int64``; the dtype defaults to float32.

    Raises
    ------
    TwinscopeError
        If the text has another form or a size is not a positive number.
    """
    match = _INPUT.fullmatch(text.strip())
    sizes = re.split(r"[,x×]", match["shape"]) if match and match["shape"].strip() else []
    if not match or not all(size.strip().isdigit() for size in sizes):
        raise TwinscopeError(
            f"Cannot read the input {text!r}",
            "an input is NAME=SHAPE:DTYPE",
            "Write for example x=1,3,224,224:float32.",
        )
    return InputSpec(match["name"], match["dtype"] or "float32", tuple(int(s) for s in sizes))


@dataclass(frozen=True)
class RunRequest:
    """One capture.

    Parameters
    ----------
    model_path : str
        File or folder.
    mode : str
        Id of a run mode, e.g. "torch-eager".
    model_sha256 : str
        Digest of the model's content as `profilers.trust.digest` gives it; "" if not taken.
    inputs : tuple of InputSpec
        Concrete shapes, in the order the model takes them; empty where the worker must guess.
    inputs_file : str
        A .npz whose arrays are the inputs; "" for random ones.
    steps, warmup : int
        Profiled steps, and at least as many measured ones apart from these; steps before them.
    device : str
        "cpu" or "cuda:0", ...
    threads : int
        Intra-op threads, 0 for the framework's default.
    seed : int
        Seed of the random inputs.
    trusted : bool
        The person agreed that this file may execute code.
    source_folder : str
        Folder that goes first on the import path, for models whose classes live in user code.
    signature : str
        Which signature of a SavedModel or TFLite file, or which function or class of a Python file;
        "" for the default.
    code : str
        What makes the model that the weights in `model_path` belong to: ``model.py:make_model`` or
        ``torchvision:resnet18``; "" where the file holds the model itself.
    sweep : dict of str to list of int
        Sizes to measure again without the profiler, by axis: see `profilers.sweeps`.
    limit_s : float
        Longest time without progress before the capture is ended.
    memory_limit_bytes : int
        The worker is ended above this resident size; 0 for a share of the machine's memory.
    keep_results : bool
        Leave what the model made of its inputs in the capture folder, for comparing modes.
    wants_peaks : bool
        Tell what the machine's processors reach at most, measuring it where nobody has yet.
    options : dict
        Settings of a single mode (e.g. ``{"level": "extended"}`` for ONNX Runtime).
    """

    model_path: str
    mode: str
    model_sha256: str = ""
    inputs: tuple[InputSpec, ...] = ()
    inputs_file: str = ""
    steps: int = 10
    warmup: int = 3
    device: str = "cpu"
    threads: int = 0
    seed: int = 0
    trusted: bool = False
    source_folder: str = ""
    signature: str = ""
    code: str = ""
    sweep: dict[str, list[int]] = field(default_factory=dict)
    limit_s: float = 300.0
    memory_limit_bytes: int = 0
    keep_results: bool = False
    wants_peaks: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RunRequest":
        inputs = tuple(
            InputSpec(
                **{
                    **item,
                    "shape": tuple(item["shape"]),
                    "examples": tuple(item.get("examples", ())),
                }
            )
            for item in data.get("inputs", ())
        )
        known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
        return cls(**{**known, "inputs": inputs})
