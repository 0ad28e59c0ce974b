"""The sentence for a pickle whose classes are not here."""

from pathlib import Path

from profilers.errors import MissingCode
from profilers.models.pickle_scan import PickleContent
from profilers.models.torch_save import read_saved

_MOST_NAMED = 4


def missing_classes(path: Path, error: ImportError | AttributeError) -> MissingCode:
    """Names the classes that the pickle asks for and the module that lacks them.

    Parameters
    ----------
    error : ImportError or AttributeError
        What unpickling raised.
    """
    asked = _asked_for(path)
    if isinstance(error, ModuleNotFoundError):
        lost = str(error.name)
        wanted = [name for name in asked if name == lost or name.startswith(f"{lost}.")]
        why = f"it needs {_listed(wanted) or 'classes'} and there is no module {lost!r} here"
        place = lost.partition(".")[0]
        remedy = (
            f"Give the folder that holds {place}.py or the package {place} as the source folder "
            "(on the command line: --source-folder)."
        )
    else:
        why = f"the code of its classes is another one here: {error}"
        remedy = (
            "Give the folder that holds the model's own Python files as the source folder (on the "
            "command line: --source-folder)."
        )
    return MissingCode(f"{path.name} cannot be loaded", why, remedy)


def _asked_for(path: Path) -> list[str]:
    try:
        content: PickleContent = read_saved(path)
    except Exception:  # the sentence does without them
        return []
    return [str(each) for each in content.globals]


def _listed(names: list[str]) -> str:
    shown = names[:_MOST_NAMED]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more
