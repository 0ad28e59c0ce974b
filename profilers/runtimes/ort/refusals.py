"""Why ONNX Runtime refuses to load a model, in words that name the operator and what helps."""

import re
from typing import NamedTuple

_NEWER = "Install a newer ONNX Runtime or export the model for an older opset."


class Refusal(NamedTuple):
    """`why` and its `remedy` for a text that `said` finds; `why` is filled from its groups."""

    said: re.Pattern[str]
    why: str
    remedy: str


_REFUSALS = (
    Refusal(
        re.compile(
            r"Unsupported model IR version: (?P<own>\d+), max supported IR version: (?P<known>\d+)"
        ),
        "its format version (IR) is {own}, and this ONNX Runtime knows up to {known}",
        _NEWER,
    ),
    Refusal(
        re.compile(r"MLDataType for: tensor\((?P<type>\w+)\) is not currently registered"),
        "it has tensors of type {type}, which ONNX Runtime does not know",
        "Export the model without this type, such as with real and imaginary part apart.",
    ),
    Refusal(
        re.compile(
            r"Opset (?P<own>\d+) is under development.*official support for domain "
            r"(?P<domain>\S+) is till opset (?P<known>\d+)",
            re.DOTALL,
        ),
        "it is made for opset {own} of {domain}, and this ONNX Runtime knows up to {known}",
        _NEWER,
    ),
    Refusal(
        re.compile(
            r"Could not find an implementation for (?P<operator>\w+)\((?P<opset>\d+)\) node with "
            r"name '(?P<name>.*?)'"
        ),
        "its providers have no kernel of {operator}{name} (opset {opset}) for the types of its "
        "tensors; the CPU often has none for bfloat16 and narrower types",
        "Convert these tensors to float32 or float16, or choose a provider that has the kernel.",
    ),
    Refusal(
        re.compile(
            r"Type 'tensor\((?P<type>\w+)\)' of input parameter \((?P<input>.*?)\) of operator "
            r"\((?P<operator>\w+)\) in node \((?P<name>.*?)\) is invalid"
        ),
        "{operator}{name} takes no {type} in the opset that the model is made for, and its input "
        "{input} is one",
        "Export the model for a newer opset, or convert this tensor to another type.",
    ),
    Refusal(
        re.compile(
            r"Type parameter \(\w+\) of Optype \((?P<operator>\w+)\) bound to different types "
            r"\(tensor\((?P<type>\w+)\) and tensor\((?P<other>\w+)\)\)? in node \((?P<name>.*?)\)"
        ),
        "{operator}{name} is given {type} and {other}, but takes only one type at once",
        "Export the model again with a Cast before it.",
    ),
    Refusal(
        re.compile(r"No Op registered for (?P<operator>\S+) with domain_version of (?P<opset>\d+)"),
        "opset {opset}, which it is made for, has no operator {operator}",
        "Export the model for the opset that has it, or without this operator.",
    ),
    Refusal(
        re.compile(
            r"(?P<domain>[\w.]+):(?P<operator>\w+)\(-?\d+\) is not a registered function/op"
        ),
        "this ONNX Runtime has no operator {operator} of {domain}",
        "Install an ONNX Runtime that has it, or export the model without it.",
    ),
    Refusal(
        re.compile(r"Failed to construct locale with name:(?P<locale>[\w.-]+)"),
        "its text operators need the system's locale {locale}, which is not installed",
        "Install that locale, on Linux with `locale-gen`.",
    ),
    Refusal(
        re.compile(r"Node \((?P<name>.*?)\) Op \((?P<operator>\w+)\) \[\w+\] (?P<detail>[^\n]+)"),
        "the inputs of {operator}{name} do not fit: {detail}",
        "Export the model again.",
    ),
)


def known_refusal(text: str) -> tuple[str, str]:
    """Why and remedy of what ONNX Runtime said; two empty texts if it is none of these."""
    for refusal in _REFUSALS:
        found = refusal.said.search(text)
        if found is not None:
            told = found.groupdict()
            if "name" in told:
                told["name"] = f" ({told['name']})" if told["name"] else ""
            return refusal.why.format(**told), refusal.remedy
    return "", ""
