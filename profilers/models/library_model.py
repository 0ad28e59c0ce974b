"""Models that an installed library makes by name: ``torchvision:resnet18``."""

from difflib import get_close_matches
from pathlib import Path

from profilers.errors import UnrecognisedFile
from profilers.models.library_names import folder_of, library_names
from profilers.models.model_code import ModelCode
from profilers.models.model_file import ModelFile
from profilers.models.torch_modes import MODULE_MODES
from profilers.profile import Diagnostic, Environment, Profile, Severity

_OPEN_ENDED = ("transformers",)  # takes names of checkpoints, folders and classes besides


def library_model(code: ModelCode) -> ModelFile:
    """The model as it can be known before the library makes it, which happens in the worker.

    Raises
    ------
    UnrecognisedFile
        If the library is not installed, or knows no such model.
    """
    text = f"{code.library}:{code.entry}"
    if folder_of(code.library) is None:
        raise UnrecognisedFile(
            f"Cannot open {text}",
            f"{code.library} is not installed in this Python",
            f"Install it with: pip install {code.library}.",
        )
    known = library_names(code.library)
    base = code.entry.partition(".")[0]  # timm names a set of weights behind a dot
    if base not in known and code.library not in _OPEN_ENDED:
        close = get_close_matches(base, known, 3)
        raise UnrecognisedFile(
            f"Cannot open {text}",
            f"{code.library} has no model {base}",
            f"Did you mean {', '.join(close)}?" if close else "See the library's list of models.",
        )
    is_folder = Path(code.entry).is_dir()
    weights = "with the weights of its folder" if is_folder else "with random weights"
    return ModelFile(
        path=Path(text),
        kind="torch-library",
        title=f"{code.library} model",
        framework="torch",
        modes=MODULE_MODES,
        preview=Profile(
            text,
            diagnostics=(Diagnostic(Severity.INFO, f"{code.library} makes this model {weights}."),),
            environment=Environment(framework="torch", model_name=text),
        ),
    )
