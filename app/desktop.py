"""The person's desktop: a menu entry, an icon, and `.twin` files that open with a double click.

Written where the XDG base directory specification has a person's own data, so no rights are needed.
"""

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from profilers.errors import TwinscopeError

NAME = "org.twinscope.Twinscope"
_PLACES = (
    (f"{NAME}.desktop", "applications"),
    (f"{NAME}.xml", "mime/packages"),
    (f"{NAME}.svg", "icons/hicolor/scalable/apps"),
)
_REFRESH = (
    ("update-mime-database", "mime"),
    ("update-desktop-database", "applications"),
    ("gtk-update-icon-cache", "icons/hicolor"),
)
_LONGEST_S = 60


def install() -> list[Path]:
    """Write the files, and return where they are.

    Raises
    ------
    TwinscopeError
        If this is no system with XDG folders, or they cannot be written.
    """
    if sys.platform in ("win32", "darwin"):
        raise TwinscopeError(
            "This desktop has no XDG folders", "", "Open files with twinscope FILE."
        )
    folder = resources.files("resources") / "desktop"
    written = []
    try:
        for name, place in _PLACES:
            text = (folder / name).read_text("utf-8")
            path = _data_home() / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("Exec=twinscope", f"Exec={_command()}"), "utf-8")
            written.append(path)
    except OSError as error:
        raise TwinscopeError(
            "The desktop entry could not be written", f"{error.filename}: {error.strerror}"
        ) from error
    _refresh()
    return written


def remove() -> list[Path]:
    """Delete what `install` wrote, and return what was there."""
    paths = [_data_home() / place / name for name, place in _PLACES]
    found = [path for path in paths if path.exists()]
    for path in found:
        path.unlink()
    if found:
        _refresh()
    return found


def _data_home() -> Path:
    chosen = os.environ.get("XDG_DATA_HOME", "")
    return Path(chosen) if Path(chosen).is_absolute() else Path.home() / ".local" / "share"


def _command() -> str:
    """The installed command, which need not be on the desktop's path."""
    beside = Path(sys.executable).with_name("twinscope")
    command = beside if beside.is_file() else shutil.which("twinscope")
    if command is None:
        return f"{_quoted(sys.executable)} -m app"
    return _quoted(str(command))


def _quoted(path: str) -> str:
    """As the desktop entry specification quotes arguments; a percent sign would be a field code."""
    escaped = path
    for sign in ("\\", '"', "`", "$"):
        escaped = escaped.replace(sign, f"\\{sign}")
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'


def _refresh() -> None:
    """Tell the desktop at once, where its tools are there; else it sees at the next login."""
    for tool, place in _REFRESH:
        folder = _data_home() / place
        if shutil.which(tool) and folder.is_dir():
            subprocess.run(
                [tool, str(folder)], capture_output=True, check=False, timeout=_LONGEST_S
            )
