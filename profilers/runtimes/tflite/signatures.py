"""The signature of a TFLite model that a run asks for, made what its interpreter runs."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed, TwinscopeError
from profilers.request import RunRequest
from profilers.runtimes.tflite.model import is_stored_elsewhere, packed

_SUBGRAPH = "subgraph"  # in the names of all fields that refer to one


def signature_first(content: bytes, request: RunRequest, schema: Any) -> bytes:
    """The model with the subgraph of ``request.signature`` as its first, which is what runs.

    Raises
    ------
    TwinscopeError
        If the model has no such signature.
    CaptureFailed
        If it is too large to be put in another order.
    """
    if not request.signature:
        return content
    name = Path(request.model_path).name
    subgraphs = _subgraphs(schema.Model.GetRootAs(content, 0))
    if request.signature not in subgraphs:
        raise TwinscopeError(
            f"{name} has no signature {request.signature!r}",
            f"it has {', '.join(subgraphs)}" if subgraphs else "it names none",
            "Choose one of them." if subgraphs else "Leave the signature out.",
        )
    chosen = subgraphs[request.signature]
    if len(subgraphs) == 1 and chosen == 0:
        return content
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if any(map(is_stored_elsewhere, model.buffers)):
        if chosen == 0:
            return content
        raise CaptureFailed(
            f"{name} cannot run its signature {request.signature}",
            "its weights lie behind the flatbuffer, so that only its first signature runs here",
            f"Convert {request.signature} alone (signature_keys).",
        )
    _swap_with_first(model, chosen)
    _empty_unreached(model)
    return packed(model)


def _subgraphs(model: Any) -> dict[str, int]:
    signatures = map(model.SignatureDefs, range(model.SignatureDefsLength()))
    return {
        (each.SignatureKey() or b"").decode("utf-8", "replace"): each.SubgraphIndex()
        for each in signatures
    }


def _swap_with_first(model: Any, chosen: int) -> None:
    subgraphs = model.subgraphs
    subgraphs[0], subgraphs[chosen] = subgraphs[chosen], subgraphs[0]
    moved = {0: chosen, chosen: 0}
    for owner in (*model.signatureDefs, *_options(subgraphs)):
        for field, numbers in _references(owner).items():
            swapped = [moved.get(number, number) for number in numbers]
            setattr(owner, field, swapped[0] if isinstance(getattr(owner, field), int) else swapped)


def _empty_unreached(model: Any) -> None:
    """Leave the first subgraph and what it calls: an operator that is missing for another one must
    not keep this one from running."""
    reached, waiting = {0}, [0]
    while waiting:
        for options in _options([model.subgraphs[waiting.pop()]]):
            called = {number for numbers in _references(options).values() for number in numbers}
            waiting += called - reached
            reached |= called
    for number, subgraph in enumerate(model.subgraphs):
        if number not in reached:
            subgraph.tensors = subgraph.inputs = subgraph.outputs = subgraph.operators = []
    model.signatureDefs = [each for each in model.signatureDefs if each.subgraphIndex in reached]
    operators = [each for subgraph in model.subgraphs for each in subgraph.operators or ()]
    used = sorted({operator.opcodeIndex for operator in operators})
    model.operatorCodes = [model.operatorCodes[number] for number in used]
    for operator in operators:
        operator.opcodeIndex = used.index(operator.opcodeIndex)


def _options(subgraphs: Iterable[Any]) -> Iterator[Any]:
    for subgraph in subgraphs:
        for operator in subgraph.operators or ():
            yield from filter(None, (operator.builtinOptions, operator.builtinOptions2))


def _references(owner: Any) -> dict[str, list[int]]:
    """The subgraphs that a signature or an operator's options name, by field."""
    return {
        field: [value] if isinstance(value, int) else [int(each) for each in value]
        for field, value in vars(owner).items()
        if _SUBGRAPH in field.lower() and value is not None
    }
