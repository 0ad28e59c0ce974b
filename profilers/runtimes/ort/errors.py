"""ONNX Runtime's errors as sentences a person can act on; the original text is kept as detail."""

import re

from profilers.errors import CaptureFailed
from profilers.runtimes.ort.refusals import known_refusal

_CODE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
_LOADING = re.compile(r"^Load model from .*? failed:(?=\S)")
_INVALID = re.compile(r"^This is an invalid model\. (?:Error: )?")
_RUNNING = re.compile(
    r"^Non-zero status code returned while running (?P<node>.*?)\. ?Name:'(?P<name>.*?)'"
)
_STATUS = re.compile(r"^.*Status Message: ", re.DOTALL)
_CPP_PLACE = re.compile(r"/onnxruntime_src/\S+:\d+ [^()]*\((?:[^()]|\([^()]*\))*\) ?(?:const )?")
_LAMBDA = "::<lambda()> "
_CPP_FILE = re.compile(r"\b\w+\.(?:cc|h):\d+ \w+ ")

_LOAD_REMEDIES = (
    (
        ("No opset import for domain", "NOT_IMPLEMENTED"),
        "It uses an operator that this ONNX Runtime does not have.",
    ),
    (
        ("xternal data", "external_data"),
        "Put the model's weight files beside it under the names it gives them.",
    ),
    (
        ("official support for domain",),
        "Install a newer ONNX Runtime or export the model for an older opset.",
    ),
    (("Protobuf parsing failed",), "Export or download the model again."),
)
_WRONG_SIZES = re.compile(
    r"Got invalid dimensions for input: (?P<input>.*?) for the following indices\s+"
    r"(?P<sizes>(?:index: \d+ Got: \d+ Expected: \d+\s*)+)"
)
_WRONG_SIZE = re.compile(r"index: (\d+) Got: (\d+) Expected: (\d+)")
_LONGEST = 10_000
_OUT_OF_MEMORY = ("Failed to allocate memory", "bad_alloc", "bad allocation")


def load_failure(error: Exception, model_name: str) -> CaptureFailed:
    """A model that no session can be made of."""
    text = str(error)
    why, remedy = known_refusal(text[:_LONGEST])
    if not why:
        why = _reason(text)
        remedy = next((say for signs, say in _LOAD_REMEDIES if any(s in text for s in signs)), "")
    return CaptureFailed(f"ONNX Runtime cannot load {model_name}", why, remedy, text)


def run_failure(error: Exception, signature: str) -> CaptureFailed:
    """A run that raised: its inputs do not fit, or a node failed.

    Parameters
    ----------
    error : Exception
    signature : str
        The inputs that the model takes, as a person would write them.
    """
    text = str(error)
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        remedy = "Try a smaller batch or input, or a machine with more memory."
        return CaptureFailed("The model ran out of memory", _reason(text), remedy, text)
    message = _CODE.sub("", text)
    node = _RUNNING.match(message)
    if node is not None:
        named = f" {node['name']}" if node["name"] else ""
        return CaptureFailed(
            f"The model failed in its {node['node']}{named}",
            _reason(text),
            f"Check the values and shapes of the inputs; it takes {signature}.",
            text,
        )
    wrong = _WRONG_SIZES.search(text)
    if wrong is not None:
        sizes = [
            f"{given} where it takes {taken} (dimension {int(at) + 1})"
            for at, given, taken in _WRONG_SIZE.findall(wrong["sizes"])
        ]
        why = f"the input {wrong['input']} has {', '.join(sizes)}"
        return CaptureFailed("The model rejects its inputs", why, f"It takes {signature}.", text)
    if type(error).__name__ == "InvalidArgument" or isinstance(error, ValueError):
        remedy = f"It takes {signature}."
        return CaptureFailed("The model rejects its inputs", _reason(text), remedy, text)
    return CaptureFailed("The model failed while it ran", _reason(text), "", text)


def _reason(text: str) -> str:
    """The first sentence without error codes and places in ONNX Runtime's source."""
    message = _LOADING.sub("", _CODE.sub("", text[:_LONGEST].strip()))
    message = _INVALID.sub("the model is invalid: ", _STATUS.sub("", message))
    message = _CPP_FILE.sub("", _CPP_PLACE.sub("", message)).replace(_LAMBDA, "").strip()
    return message.splitlines()[0].strip() if message else "it gave no reason"
