"""The sentence for a pickle whose classes are not here."""

import re
import sys
from pathlib import Path

from profilers.errors import MissingCode
from profilers.models.pickle_scan import PickleContent
from profilers.models.torch_save import read_saved

_MOST_NAMED = 4
_LACKING = re.compile(r"attribute '(?P<name>[\w.]+)' on <module '(?P<module>[\w.]+)'")


def missing_classes(
    path: Path, error: ImportError | AttributeError, source_folder: str
) -> MissingCode:
    """Names the classes that the pickle asks for and the module that lacks them.

    Parameters
    ----------
    error : ImportError or AttributeError
        What unpickling raised.
    source_folder : str
        That a person named already; "" for none.
    """
    asked = _asked_for(path)
    what = f"{path.name} cannot be loaded"
    if isinstance(error, ModuleNotFoundError):
        lost = str(error.name)
        wanted = [name for name in asked if name == lost or name.startswith(f"{lost}.")]
        where = f"the source folder {source_folder} does not hold it" if source_folder else ""
        lack = f"it needs {_listed(wanted) or 'classes'} and there is no module {lost!r} here"
        place = lost.partition(".")[0]
        return MissingCode(
            what,
            f"{lack}; {where}" if where else lack,
            f"Give the folder that holds {place}.py or the package {place} as the source folder.",
        )
    remedy = "Give the folder that holds the model's own Python files as the source folder."
    lacking = _LACKING.search(str(error))
    if lacking is None:
        return MissingCode(what, f"the code of its classes is another one here: {error}", remedy)
    name, module = lacking["name"], lacking["module"]
    if f"__main__.{name}" in asked:  # in a worker, another module has that name
        return MissingCode(
            what,
            f"its class {name} was defined in the script that saved it, which is not here",
            "Move the class into a file of its own that the script imports, save the model again and "
            "give that file's folder as the source folder; or open a Python file that makes it.",
        )
    file = getattr(sys.modules.get(module), "__file__", None)
    why = f"it needs {module}.{name}, and {file or f'the module {module}'} has no {name}"
    where = f"; the source folder {source_folder} does not bring it" if source_folder else ""
    return MissingCode(what, why + where, remedy)


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
