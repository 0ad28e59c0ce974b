"""Why there is no fused kernel to show, in one sentence."""

from PySide6.QtCore import QCoreApplication

from profilers.profile import Profile
from views.empty_note import why_nothing_ran


def why_nothing_fused(profile: Profile) -> str:
    """For a profile without fused groups."""
    if not len(profile.trace.slices):
        return why_nothing_ran(
            profile, _tr("This model was not run yet: what a compiler would merge is not known.")
        )
    if not profile.environment.mode:
        return _tr("A trace alone does not tell what a compiler merged.")
    return f"{_tr('Nothing was fused.')} {_reason(profile)}".strip()


def _reason(profile: Profile) -> str:
    mode = profile.environment.mode
    if mode == "torchscript":
        return _script_reason(profile)
    eager = _tr("Eager PyTorch runs every operator by itself: it has no compiler that could fuse.")
    grappler = _grappler_reason(profile)
    reasons = {
        **dict.fromkeys(("torch-eager", "torch-distributed", "keras-torch"), eager),
        "torch-export": _tr(
            "An exported program runs operator by operator: nothing compiles it further."
        ),
        "tf-eager": _tr("Eager TensorFlow runs every operator by itself."),
        "tf-graph": grappler,
        "keras": grappler,
        "onnxruntime": _tr("ONNX Runtime found no operators here that it has a fused kernel for."),
    }
    return reasons.get(mode, "")


def _grappler_reason(profile: Profile) -> str:
    if profile.environment.request.get("options", {}).get("grappler") == "off":
        return _tr("TensorFlow's graph optimiser Grappler was off in this run.")
    return _tr("Grappler found no operators here that TensorFlow has a fused kernel for.")


def _script_reason(profile: Profile) -> str:
    fuser = str(profile.environment.request.get("options", {}).get("fuser", "default"))
    is_on_gpu = profile.environment.device.startswith("cuda")
    if fuser == "nnc" or (fuser == "default" and is_on_gpu):
        return _tr(
            "TorchScript's fuser NNC was on and found nothing to merge: it takes elementwise "
            "operators that follow one another and change nothing in place."
        )
    if is_on_gpu:
        return _tr("TorchScript's fuser was off in this run.")
    return _tr(
        "TorchScript's fuser is off on the CPU; the run's options Fuser and Optimise turn on what "
        "there is."
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("FusionView", text)
