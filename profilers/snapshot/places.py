"""What tells a place by its form alone: paths, addresses, hosts, lines of source files."""

import re
from collections.abc import Callable, Iterator

PATH, LINE = "‹path›", "‹source›"
_ROOTS = (
    "home|Users|root|tmp|usr|opt|var|etc|mnt|media|data|datasets|workspace|workspaces|srv|private|"
    "Volumes|lib|lib64|bin|sbin|proc|sys|dev|run|boot|work|nfs|scratch|gpfs|lustre|projects|proj|"
    "storage|content|kaggle|app|code|src|repo|repos|build|builds|github|gitlab|dbfs|local|share|"
    "shared|fsx|efs|s3|gcs|cns|net|export|users|homes|Library|Applications|System|nix|snap|venv"
)
_SIGN = r"[^\s:\"'<>|,;()\[\]{}*?\\/]"
_NAME = rf"{_SIGN}{{1,255}}+"  # bounds and possessive signs keep the search linear for any text
_SPACED = rf"{_NAME}(?: {_NAME}){{0,3}}+"  # a folder's name, where a separator follows
_ENDINGS = (
    "py|pyc|pyx|ipynb|so|cc|cpp|cu|cuh|h|hpp|pt|pt2|pth|onnx|keras|pb|h5|json|npz|npy|ckpt|"
    "safetensors|tflite|dll|exe|yaml|yml|toml|txt|csv|log|sh"
)
_ENDS = "|".join(rf"(?<=\.{each})|(?<=\.{each}\.)" for each in _ENDINGS.split("|"))
_BEFORE = r"(?<![\w./>\])}\-])"
_UNIX = rf"{_BEFORE}/(?:{_ROOTS})(?:/{_SPACED}(?=/)){{0,40}}+(?:/{_NAME}){{1,40}}+/?"
_ANY = rf"{_BEFORE}(?P<any>/(?:{_SPACED}/){{1,40}}+(?:{_NAME})?)"
_FILE = rf"{_BEFORE}(?:{_NAME}/){{1,40}}+{_NAME}(?:{_ENDS})"
_RELATIVE = (
    r"(?<![\w./])(?:\.{1,2}|~[\w.-]{0,64}+|%\w{1,64}%|\$\w{1,64}+|\$\{\w{1,64}\})"
    rf"(?:[\\/]{{1,8}}+{_SPACED}(?=[\\/])){{0,40}}+(?:[\\/]{{1,8}}+{_NAME}){{1,40}}+"
)
_WINDOWS = rf"(?<![\w])/?[A-Za-z]:[\\/]{{1,8}}+(?:{_SPACED}[\\/]{{1,8}}+){{0,40}}+(?:{_NAME})?"
_SHARE = (
    rf"(?:\\\\|(?<![\w:/])//)[?.\\/]{{0,8}}+{_NAME}"
    rf"(?:[\\/]{{1,8}}+{_SPACED}(?=[\\/])){{0,40}}+(?:[\\/]{{1,8}}+{_NAME}){{1,40}}+"
)
_ADDRESS = r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s\"'<>]++"
_MAIL = r"(?<![\w.+-])[\w.+-]{1,64}+@[A-Za-z][\w.-]{0,255}+(?::[\w/.~-]++)?"
_SETTING = (
    r"\b(?:USER|LOGNAME|USERNAME|USERPROFILE|HOST|HOSTNAME|COMPUTERNAME|HOME|PWD|OLDPWD|MAIL|"
    r"MASTER_ADDR|SLURM_\w{1,40}|SSH_\w{1,40}|SUDO_\w{1,40})=[^\s\"',;]++"
)
_HOST = (
    r"(?<![\w.-])(?:[A-Za-z0-9_-]{1,63}+\.){1,8}(?:com|org|edu|gov|internal|lan|intranet|corp)"
    r"\b(?::\d{1,5}+)?(?!\.?\w)"
)
_NETWORK = r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
_NETWORK_6 = (
    r"(?<![\w:])(?:(?:fe80|f[cd][0-9a-f]{2}|2[0-9a-f]{3}):[0-9a-f:]{2,40}|"
    r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![\w:])"
)
_PLACES = re.compile(
    "|".join((
        _ADDRESS, _MAIL, _SETTING, _SHARE, _WINDOWS, _UNIX, _FILE, _ANY, _RELATIVE, _HOST, _NETWORK,
        _NETWORK_6,
    ))
)  # fmt: skip
_SOURCE_LINES = re.compile(
    r"[\w./\\<>-]{0,200}\b[\w-]{1,128}\.(?:py|pyx|ipynb|cc|cpp|cu|h)(?:\(\d+\)|:\d+|\", line \d+)"
)
_MOST_ROUNDS = 5  # what is left of a text can look like a path again


def without_places(text: str, is_name: Callable[[str], bool]) -> str:
    """The text with places replaced, but for those that ``is_name`` knows as names of the model."""
    if not _may_tell(text):
        return text
    for _ in range(_MOST_ROUNDS):
        less = _SOURCE_LINES.sub(LINE, text)
        less = _PLACES.sub(lambda found: found[0] if _is_known(found, is_name) else PATH, less)
        if less == text:
            break
        text = less
    return text


def places_in(text: str, is_name: Callable[[str], bool]) -> Iterator[str]:
    """What `without_places` would replace, line by line."""
    for line in text.splitlines():
        if _may_tell(line):
            yield from (found[0] for found in _SOURCE_LINES.finditer(line))
            for found in _PLACES.finditer(line):
                if not _is_known(found, is_name):
                    yield found[0]


def _is_known(found: re.Match[str], is_name: Callable[[str], bool]) -> bool:
    return found["any"] is not None and is_name(found["any"])


def _may_tell(text: str) -> bool:
    """Most texts have none of the signs of a place."""
    if any(sign in text for sign in "/\\@="):
        return True
    return "." in text or (text.count(":") > 1 and any(map(str.isdigit, text)))
