"""The signature of a TFLite model that a run asks for, made what its interpreter runs."""

from collections.abc import Iterator
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
    if chosen == 0:
        return content
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if any(map(is_stored_elsewhere, model.buffers)):
        raise CaptureFailed(
            f"{name} cannot run its signature {request.signature}",
            "its weights lie behind the flatbuffer, so that only its first signature runs here",
            f"Convert {request.signature} alone (signature_keys).",
        )
    _swap_with_first(model, chosen)
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
    for owner in _owners(model):
        for field, value in vars(owner).items():
            if _SUBGRAPH not in field.lower():
                continue
            if isinstance(value, int):
                setattr(owner, field, moved.get(value, value))
            elif value is not None:
                setattr(owner, field, [moved.get(int(each), int(each)) for each in value])


def _owners(model: Any) -> Iterator[Any]:
    """Whatever may refer to a subgraph by its number."""
    yield from model.signatureDefs
    for subgraph in model.subgraphs:
        for operator in subgraph.operators or ():
            yield from filter(None, (operator.builtinOptions, operator.builtinOptions2))
