"""Inputs of a module: as given, as its own code wants them, or the first guess that it takes."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from profilers.errors import TwinscopeError
from profilers.inputs import named_by_file
from profilers.models.python_source import EXAMPLES
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.pytorch.input_candidates import candidates
from profilers.runtimes.pytorch.inputs import given_inputs, laid_out
from profilers.runtimes.pytorch.nested_inputs import filled, named_tensors
from profilers.runtimes.pytorch.sources import ModuleSource

_FAKE_LOGGER = "torch._subclasses.fake_tensor"  # prints a traceback for each try that fails


def module_inputs(
    source: ModuleSource, request: RunRequest, device: Any
) -> tuple[RunRequest, list[Any]]:
    """The request with its inputs settled, and their tensors.

    The module's forward is bound so that it takes just these tensors, in this order.

    Raises
    ------
    TwinscopeError
        If nothing is given and the module takes none of the guesses.
    """
    request = named_by_file(request)
    examples = _examples(source)
    constants = {name: value for name, value in examples.items() if not _is_tensor(value)}
    if not request.inputs and not request.inputs_file:
        tensors = {
            name: tensor.to(device)
            for argument, value in examples.items()
            for name, tensor in named_tensors(argument, value)
        }
        if tensors:
            specs = tuple(_spec(name, tensor) for name, tensor in tensors.items())
            _bind(source.module, list(tensors), constants)
            return replace(request, inputs=specs), laid_out(list(tensors.values()), request)
        guessed = _guessed(source.module, request.model_path, device, examples)
        request = replace(request, inputs=guessed)
    _bind(source.module, [spec.name for spec in request.inputs], constants)
    return given_inputs(request, device)


def _examples(source: ModuleSource) -> dict[str, Any]:
    """Arguments of forward by name, from the person's own ``example_inputs``."""
    if source.examples is None:
        return {}
    try:
        given = source.examples()
    except Exception as error:  # the person's own code
        raise _useless(f"{type(error).__name__}: {error}") from error
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    values = list(given) if isinstance(given, (tuple, list)) else [given]
    names = _positional(source.module)
    if len(values) > len(names):
        raise _useless(f"it gives {len(values)} inputs, and forward takes {len(names)}")
    return dict(zip(names, values, strict=False))


def _useless(why: str) -> TwinscopeError:
    return TwinscopeError(
        f"{EXAMPLES}() of the model's file gives no inputs",
        why,
        "It should return a tensor, a tuple of them, or a dict by the names that forward has; tensors "
        "may be in dicts, lists, tuples and data classes.",
    )


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _spec(name: str, tensor: Any) -> InputSpec:
    """As a request would ask for it: integers keep their range."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    is_integer = not (tensor.is_floating_point() or tensor.is_complex() or dtype == "bool")
    low = high = None
    if is_integer and tensor.numel():
        low, high = float(tensor.min()), float(tensor.max()) + 1
    return InputSpec(name, dtype, tuple(tensor.shape), low, high)


def _guessed(
    module: Any, name: str, device: Any, examples: Mapping[str, Any]
) -> tuple[InputSpec, ...]:
    with _without_tracebacks():
        for guess in candidates(module, _required(module)):
            if _takes(module, guess, device):
                return guess
    if examples:
        kinds = ", ".join(f"{each} is a {type(value).__name__}" for each, value in examples.items())
        raise _useless(f"it gives no tensor, alone or within plain structures: {kinds}")
    wanted = ", ".join(_required(module)) or "none that it names"
    raise TwinscopeError(
        "The model's inputs are not known",
        f"forward of {name.replace(chr(92), '/').rpartition('/')[2]} takes {wanted}, and no guess "
        "at their shapes fits",
        f"Give each input as NAME=SHAPE:DTYPE, or add {EXAMPLES}() to the model's file.",
    )


def _takes(module: Any, specs: Sequence[InputSpec], device: Any) -> bool:
    """Whether the module, which is on that device, runs on such inputs.

    Only shapes and types are computed.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    try:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            module(**{spec.name: _empty(spec, device) for spec in specs})
    except Exception:  # the model's own code says no in many ways
        return False
    return True


def _empty(spec: InputSpec, device: Any) -> Any:
    import torch

    sizes = [int(size) for size in spec.shape]
    return torch.zeros(sizes, dtype=getattr(torch, spec.dtype), device=device)


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    logger = logging.getLogger(_FAKE_LOGGER)
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was_disabled


def _bind(module: Any, names: Sequence[str], constants: Mapping[str, Any]) -> None:
    """Let forward take just the named tensors, where they are not its first parameters anyway.

    Parameters
    ----------
    constants : mapping
        Other arguments, which may hold some of the tensors.
    """
    known = _positional(module)
    if not constants and (
        list(names) == known[: len(names)] or not set(names) <= set(_named(module))
    ):
        return
    forward: Callable[..., Any] = module.forward
    held = {
        name for argument, value in constants.items() for name, _ in named_tensors(argument, value)
    }

    def bound(*tensors: Any) -> Any:
        given = dict(zip(names, tensors, strict=True))
        others = {name: filled(name, value, given) for name, value in constants.items()}
        return forward(**{name: given[name] for name in names if name not in held}, **others)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    bound.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in names]
    )
    module.forward = bound


def _parameters(module: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return []


def _positional(module: Any) -> list[str]:
    """Parameters of forward that can be given in order."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [each.name for each in _parameters(module) if each.kind in kinds]


def _named(module: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in _parameters(module) if each.kind in kinds]


def _required(module: Any) -> list[str]:
    """Parameters of forward that have no default."""
    named = set(_named(module))
    return [
        each.name
        for each in _parameters(module)
        if each.name in named and each.default is inspect.Parameter.empty
    ]
