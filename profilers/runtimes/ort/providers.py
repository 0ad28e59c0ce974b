"""Which execution providers of ONNX Runtime a run uses, and which nodes each of them took."""

from typing import Any

from profilers.captures.ort.files import CPU, ON_CUDA, short_name
from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.request import RunRequest

__all__ = [
    "CPU",
    "RECORD_ASSIGNMENT",
    "Provider",
    "assignment",
    "name_of",
    "providers_for",
    "short_name",
]

RECORD_ASSIGNMENT = (
    "session.record_ep_graph_assignment_info"  # known to ONNX Runtime 1.24 and newer
)

_OF_DEVICE = {"cuda": (ON_CUDA, "ROCMExecutionProvider")}
_REMOTE = frozenset({"AzureExecutionProvider"})  # runs models of a service, not files

Provider = str | tuple[str, dict[str, str]]


def providers_for(request: RunRequest) -> list[Provider]:
    """The providers in the order in which they may take nodes, the CPU last.

    ``options["provider"]`` is "cpu", "auto" for all that are here, or names with commas between
    them; a device other than the CPU names its provider by itself.

    Raises
    ------
    TwinscopeError
        If a provider is not in this ONNX Runtime.
    """
    import onnxruntime

    present = [name for name in onnxruntime.get_available_providers() if name not in _REMOTE]
    kind, _, number = request.device.partition(":")
    if kind != "cpu":
        name = _of_device(kind, present)
        _load_libraries([name])
        return [(name, {"device_id": number or "0"}), CPU]
    wanted = str(request.options.get("provider", "cpu"))
    if wanted.strip().lower() == "auto":
        names = present
    else:
        names = [_named(part.strip(), present) for part in wanted.split(",") if part.strip()]
    _load_libraries(names)
    return list(dict.fromkeys([*(name for name in names if name != CPU), CPU]))


def name_of(provider: Provider) -> str:
    """Without its settings."""
    return provider if isinstance(provider, str) else provider[0]


def _load_libraries(names: list[str]) -> None:
    """Load CUDA's and cuDNN's libraries from Python packages, where the linker does not look."""
    import onnxruntime

    if ON_CUDA in names and hasattr(onnxruntime, "preload_dlls"):  # since ONNX Runtime 1.21
        onnxruntime.preload_dlls()


def assignment(session: Any) -> list[dict[str, Any]]:
    """The parts that each provider took, with the names and operators of their nodes.

    Empty where this ONNX Runtime does not tell.
    """
    try:
        told = session.get_provider_graph_assignment_info()
    except Exception:  # older ones lack it; a session without the setting raises
        return []
    return [
        {
            "provider": part.ep_name,
            "nodes": [{"name": n.name, "operator": n.op_type} for n in part.get_nodes()],
        }
        for part in told
    ]


def _of_device(kind: str, present: list[str]) -> str:
    for name in _OF_DEVICE.get(kind, ()):
        if name in present:
            return name
    raise ModeUnavailable(
        f"ONNX Runtime cannot run on {kind} here",
        f"it has {', '.join(map(short_name, present))}",
        "Choose the device cpu, or install an ONNX Runtime for this device.",
    )


def _named(text: str, present: list[str]) -> str:
    for name in present:
        if text.lower() in (name.lower(), short_name(name).lower()):
            return name
    raise TwinscopeError(
        f"ONNX Runtime has no execution provider {text!r} here",
        f"it has {', '.join(map(short_name, present))}",
        "Choose among these, or auto for all of them.",
    )
